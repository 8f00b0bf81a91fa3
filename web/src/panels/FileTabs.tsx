import { lazy, Suspense, useState } from 'react'
import { Icon } from '../layout/Icon'
import { freeName, type SourceFile } from '../program/program'

const FileNameField = lazy(() => import('./FileNameField'))

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
            <Suspense key={file.name}>
              <FileNameField
                name={file.name}
                others={files.filter((_, at) => at !== index).map(({ name }) => name)}
                onName={(name) => rename(index, name)}
                onCancel={() => setRenaming(null)}
              />
            </Suspense>
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
