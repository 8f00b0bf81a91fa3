import { useState } from 'react'
import { Dialog } from '../components/Dialog'
import { downloadProgram } from '../program/savedPrograms'
import { currentProgram, useStore } from '../store'
import { addText, addToProgram, openAsProgram } from './openFiles'

/** Opens files of the disk, and downloads the program. */
export function FilesDialog({ onClose }: { onClose(): void }) {
  const program = useStore(currentProgram)
  const [text, setText] = useState('')
  const pick = (open: (files: File[]) => Promise<void>) => (list: FileList | null) => {
    onClose()
    void open([...(list ?? [])])
  }
  return (
    <Dialog title="Files" onClose={onClose}>
      <div className="file-choices">
        <FileInput label="Open as a program" onPick={pick(openAsProgram)} />
        <FileInput label="Add to this program" onPick={pick(addToProgram)} />
        <button type="button" className="button outlined" onClick={() => downloadProgram(program)}>
          {program.files.length > 1 ? 'Download as ZIP' : 'Download'}
        </button>
      </div>
      <p className="dialog-note">
        Source files or a ZIP archive. You can also drop them on the page. Your current program stays in
        Programs.
      </p>
      <label className="pasted-text">
        Paste a text, such as a gist
        <textarea
          className="field"
          rows={4}
          spellCheck={false}
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
      </label>
      <button
        type="button"
        className="button outlined"
        disabled={text === ''}
        onClick={() => {
          addText(text)
          onClose()
        }}
      >
        Add as a file
      </button>
    </Dialog>
  )
}

function FileInput({ label, onPick }: { label: string; onPick(files: FileList | null): void }) {
  return (
    <label className="button outlined file-input">
      {label}
      <input type="file" multiple onChange={(event) => onPick(event.target.files)} />
    </label>
  )
}
