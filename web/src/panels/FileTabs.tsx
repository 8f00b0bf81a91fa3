import { type KeyboardEvent, useState } from 'react'
import { Icon } from '../layout/Icon'
import { freeName, type SourceFile, whyNotName } from '../program/program'

interface Properties {
  files: SourceFile[]
  open: number
  onOpen(index: number): void
  onFiles(files: SourceFile[]): void
}

/** The files of the program. The first one is run; a double click or F2 renames. */
export function FileTabs({ files, open, onOpen, onFiles }: Properties) {
  const [renaming, setRenaming] = useState<number | null>(null)
  const add = () => {
    onFiles([...files, { name: freeName(files), content: '' }])
    onOpen(files.length)
    setRenaming(files.length)
  }
  const remove = (index: number) => {
    onFiles(files.filter((_, at) => at !== index))
    onOpen(Math.max(0, open >= index ? open - 1 : open))
  }
  const rename = (index: number, name: string) => {
    onFiles(files.map((file, at) => (at === index ? { ...file, name } : file)))
    setRenaming(null)
  }
  return (
    <div className="file-tabs">
      <fieldset className="file-list" aria-label="Files">
        {files.map((file, index) =>
          renaming === index ? (
            <NameField
              key={file.name}
              name={file.name}
              others={files.filter((_, at) => at !== index).map(({ name }) => name)}
              onName={(name) => rename(index, name)}
              onCancel={() => setRenaming(null)}
            />
          ) : (
            <div className="file-tab" key={file.name}>
              <button
                type="button"
                className="tab"
                aria-pressed={index === open}
                title={
                  index === 0 ? `${file.name}: the file that is run. Double click or F2 to rename` : file.name
                }
                onClick={() => onOpen(index)}
                onDoubleClick={() => setRenaming(index)}
                onKeyDown={(event) => event.key === 'F2' && setRenaming(index)}
              >
                <span data-text={file.name}>{file.name}</span>
              </button>
              {index > 0 && (
                <button
                  type="button"
                  className="button"
                  aria-label={`Remove ${file.name}`}
                  onClick={() => remove(index)}
                >
                  <Icon name="close" />
                </button>
              )}
            </div>
          ),
        )}
      </fieldset>
      <button type="button" className="button" aria-label="Add a file" title="Add a file" onClick={add}>
        <Icon name="add" />
      </button>
    </div>
  )
}

interface NameFieldProperties {
  name: string
  others: string[]
  onName(name: string): void
  onCancel(): void
}

function NameField({ name, others, onName, onCancel }: NameFieldProperties) {
  const [text, setText] = useState(name)
  const mistake = whyNotName(text, others)
  const press = (event: KeyboardEvent) => {
    if (event.key === 'Enter' && !mistake) onName(text)
    else if (event.key === 'Escape') onCancel()
  }
  return (
    <input
      className="field file-name"
      aria-label={mistake ?? 'File name'}
      aria-invalid={mistake !== null}
      title={mistake ?? ''}
      value={text}
      // biome-ignore lint/a11y/noAutofocus: it appears because the person asked for it, in the place they look at
      autoFocus
      onFocus={(event) =>
        event.target.setSelectionRange(0, text.lastIndexOf('.') > 0 ? text.lastIndexOf('.') : text.length)
      }
      onChange={(event) => setText(event.target.value)}
      onKeyDown={press}
      onBlur={() => (mistake ? onCancel() : onName(text))}
    />
  )
}
