import { useState } from 'react'
import { Dialog } from '../components/Dialog'
import { downloadFile } from '../components/downloadFile'
import { createZip } from '../files/zip'
import { offerUndo } from '../notices/notices'
import { findLanguage } from '../program/languages'
import { replaceProgram } from '../program/programActions'
import {
  downloadProgram,
  listSavedPrograms,
  removeSavedProgram,
  restoreProgram,
  type SavedProgram,
  saveProgram,
} from '../program/savedPrograms'
import { currentLanguage, currentProgram, useStore } from '../store'

const DATE_FORMAT = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' })

/** The named programs of this browser: search, save, open, download and remove. */
export function ProgramsDialog({ onClose }: { onClose(): void }) {
  const [programs, setPrograms] = useState(listSavedPrograms)
  const [query, setQuery] = useState('')
  const shown = programs.filter((saved) => matches(saved, query))
  const open = ({ language, program }: SavedProgram) => {
    replaceProgram(language, program)
    onClose()
  }
  const remove = (saved: SavedProgram) => {
    removeSavedProgram(saved.id)
    setPrograms(listSavedPrograms())
    offerUndo(`${saved.name} was removed.`, () => restoreProgram(saved))
  }
  const exportAll = () =>
    downloadFile(
      new Blob([createZip(shown.flatMap(archivedFiles))], { type: 'application/zip' }),
      'programs.zip',
    )
  return (
    <Dialog title="Programs" onClose={onClose}>
      <SaveForm onSaved={() => setPrograms(listSavedPrograms())} />
      {programs.length === 0 ? (
        <p className="dialog-note">No saved programs. They are stored in this browser only.</p>
      ) : (
        <>
          <input
            className="field"
            type="search"
            aria-label="Search"
            placeholder="Search names and code"
            value={query}
            onChange={(event) => setQuery(event.target.value)}
          />
          <ul className="history programs">
            {shown.map((saved) => (
              <SavedProgramItem
                key={saved.id}
                saved={saved}
                onOpen={() => open(saved)}
                onRemove={() => remove(saved)}
              />
            ))}
          </ul>
          {shown.length === 0 && <p className="dialog-note">No program contains this text.</p>}
          <button type="button" className="button outlined" disabled={shown.length === 0} onClick={exportAll}>
            Export as ZIP
          </button>
        </>
      )}
    </Dialog>
  )
}

function SaveForm({ onSaved }: { onSaved(): void }) {
  const language = useStore(currentLanguage)
  const program = useStore(currentProgram)
  const [isFull, setIsFull] = useState(false)
  const [name, setName] = useState(program.files[0]?.name ?? 'program')
  return (
    <form
      className="share"
      onSubmit={(event) => {
        event.preventDefault()
        const isSaved = saveProgram(name.trim(), language.id, program) !== null
        setIsFull(!isSaved)
        if (isSaved) onSaved()
      }}
    >
      <input
        className="field"
        aria-label="Name"
        required
        pattern=".*\S.*"
        maxLength={200}
        value={name}
        onChange={(event) => setName(event.target.value)}
      />
      <button type="submit" className="button outlined">
        Save this program
      </button>
      {isFull && (
        <p className="tone-bad" role="alert">
          The storage of this browser is full or blocked: the program is not saved. Remove saved programs or
          the history, or{' '}
          <button type="button" className="button outlined" onClick={() => downloadProgram(program)}>
            download it
          </button>
        </p>
      )}
    </form>
  )
}

interface ItemProps {
  saved: SavedProgram
  onOpen(): void
  onRemove(): void
}

function SavedProgramItem({ saved, onOpen, onRemove }: ItemProps) {
  const languages = useStore((state) => state.languages)
  const isInstalled = languages.some(({ id }) => id === saved.language)
  const name = isInstalled ? findLanguage(languages, saved.language).name : saved.language
  return (
    <li>
      <div className="history-head">
        <b>{saved.name}</b>
        <span>{name}</span>
        <time dateTime={new Date(saved.savedAt).toISOString()}>{DATE_FORMAT.format(saved.savedAt)}</time>
      </div>
      <code className="history-code">{saved.program.files[0]?.content.trim().split('\n')[0]}</code>
      <div className="history-actions">
        <button type="button" className="button outlined" disabled={!isInstalled} onClick={onOpen}>
          Open
        </button>
        <button type="button" className="button" onClick={() => downloadProgram(saved.program)}>
          Download
        </button>
        <button type="button" className="button" aria-label={`Remove ${saved.name}`} onClick={onRemove}>
          Remove
        </button>
      </div>
    </li>
  )
}

function matches({ name, program }: SavedProgram, query: string): boolean {
  const text = query.trim().toLowerCase()
  return (
    name.toLowerCase().includes(text) ||
    program.files.some(({ content }) => content.toLowerCase().includes(text))
  )
}

/** The files of a program in a folder of its own. */
function archivedFiles({ name, id, program }: SavedProgram) {
  const folder = `${
    name
      .replace(/[^\p{L}\p{N}._-]+/gu, ' ')
      .replace(/^[. ]+/, '')
      .trim() || 'program'
  } ${id.slice(0, 4)}`
  return program.files.map((file) => ({ ...file, name: `${folder}/${file.name}` }))
}
