import { useMemo } from 'react'
import { editProgram } from '../program/programActions'
import { RunOptions } from '../runOptions/RunOptions'
import { currentLanguage, currentProgram, useStore } from '../store'
import { CodeEditor } from './CodeEditor'
import { FileTabs } from './FileTabs'
import './editor.css'

/** The program: its files, the editor and the options of its runs. */
export function CodePane() {
  const languageId = useStore((state) => currentLanguage(state).id)
  const { files } = useStore(currentProgram)
  const revision = useStore((state) => state.revision)
  const openFile = useStore((state) => state.openFile)
  const target = useStore((state) => state.target)
  const diagnostics = useStore((state) => state.diagnostics)
  const file = files[openFile] ?? files[0]
  const name = file?.name
  const fileDiagnostics = useMemo(() => diagnostics.filter(({ file }) => file === name), [diagnostics, name])
  const writeFile = (content: string) =>
    editProgram((program) => ({
      ...program,
      files: program.files.map((other) => (other.name === name ? { ...other, content } : other)),
    }))
  return (
    <>
      <div className="pane-head">
        <FileTabs />
      </div>
      <div className="pane-body">
        <CodeEditor
          path={`${languageId}/${revision}/${name}`}
          languageId={languageId}
          value={file?.content ?? ''}
          diagnostics={fileDiagnostics}
          target={target?.file === name ? target : null}
          onChange={writeFile}
        />
      </div>
      <RunOptions />
    </>
  )
}
