import { Suspense, useMemo } from 'react'
import { lazyPart } from '../components/lazyPart'
import { editProgram, isSharedProgramShown } from '../program/programActions'
import { syntaxId } from '../program/syntax'
import { currentLanguage, currentProgram, useStore } from '../store'
import { CodeEditor } from './CodeEditor'
import './editor.css'

const FileTabs = lazyPart(() => import('./FileTabs'))
const RunOptions = lazyPart(() => import('../runOptions/RunOptions'))
const FileError = lazyPart(() => import('./FileError'))
const SharedBanner = lazyPart(() => import('../share/SharedBanner'))

/** The program: its files, the editor and the options of its runs. */
export function CodePane() {
  const language = useStore(currentLanguage)
  const { files } = useStore(currentProgram)
  const revision = useStore((state) => state.revision)
  const openFile = useStore((state) => state.openFile)
  const followedEdits = useStore((state) => state.followedEdits)
  const hasFailed = useStore((state) => state.run.phase === 'failed')
  const isShared = useStore(isSharedProgramShown)
  const target = useStore((state) => state.target)
  const diagnostics = useStore((state) => state.diagnostics)
  const file = files[openFile] ?? files[0]
  const name = file?.name
  const fileDiagnostics = useMemo(() => diagnostics.filter(({ file }) => file === name), [diagnostics, name])
  const writeFile = (content: string) => {
    if (content === file?.content) return
    editProgram((program) => ({
      ...program,
      files: program.files.map((other) => (other.name === name ? { ...other, content } : other)),
    }))
  }
  return (
    <>
      <div className="pane-head">
        <Suspense>
          <FileTabs />
        </Suspense>
      </div>
      {hasFailed && (
        <Suspense>
          <FileError />
        </Suspense>
      )}
      {isShared && (
        <Suspense>
          <SharedBanner />
        </Suspense>
      )}
      <div className="pane-body">
        <CodeEditor
          path={`${language.id}/${revision}/${name}`}
          languageId={syntaxId(language)}
          value={file?.content ?? ''}
          followedEdits={followedEdits}
          diagnostics={fileDiagnostics}
          target={target?.file === name ? target : null}
          onChange={writeFile}
        />
      </div>
      <Suspense fallback={<section className="run-options" />}>
        <RunOptions />
      </Suspense>
    </>
  )
}
