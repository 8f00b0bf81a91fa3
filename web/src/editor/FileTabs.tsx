import { Suspense, useState } from 'react'
import { Icon } from '../components/Icon'
import { lazyPart } from '../components/lazyPart'
import { newFileName, restoreFile, type SourceFile } from '../program/program'
import { editProgram } from '../program/programActions'
import { currentProgram, useStore } from '../store'

const FileNameField = lazyPart(() => import('./FileNameField'))

/** The files of the program. The first one is executed. A double click or F2 renames a file. */
export default function FileTabs() {
  const { files } = useStore(currentProgram)
  const storedIndex = useStore((state) => state.openFile)
  const openFile = files[storedIndex] ? storedIndex : 0
  const [renamedFile, setRenamedFile] = useState<number | null>(null)
  const open = (index: number) => useStore.setState({ openFile: index, target: null })
  const add = () => {
    setFiles([...files, { name: newFileName(files), content: '' }])
    open(files.length)
    setRenamedFile(files.length)
  }
  const remove = (index: number) => {
    const file = files[index]
    const { revision } = useStore.getState()
    void import('../notices/notices').then(({ offerUndo }) =>
      offerUndo(`${file?.name} was removed.`, () => {
        if (file && useStore.getState().revision === revision)
          editProgram((program) => restoreFile(program, file, index))
        open(index)
      }),
    )
    setFiles(files.filter((_, at) => at !== index))
    open(Math.max(0, openFile >= index ? openFile - 1 : openFile))
  }
  const rename = (index: number, name: string) => {
    setFiles(files.map((file, at) => (at === index ? { ...file, name } : file)))
    setRenamedFile(null)
  }
  return (
    <div className="file-tabs">
      <fieldset className="file-list" aria-label="Files">
        {files.map((file, index) =>
          renamedFile === index ? (
            <Suspense key={file.name}>
              <FileNameField
                name={file.name}
                otherNames={files.filter((_, at) => at !== index).map(({ name }) => name)}
                onRename={(name) => rename(index, name)}
                onCancel={() => setRenamedFile(null)}
              />
            </Suspense>
          ) : (
            <div className="file-tab" key={file.name}>
              <button
                type="button"
                className="tab"
                aria-pressed={index === openFile}
                title={index === 0 ? `${file.name}: the file that is executed. F2 renames it` : file.name}
                onClick={() => open(index)}
                onDoubleClick={() => setRenamedFile(index)}
                onKeyDown={(event) => event.key === 'F2' && setRenamedFile(index)}
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

function setFiles(files: SourceFile[]): void {
  editProgram((program) => ({ ...program, files }))
}
