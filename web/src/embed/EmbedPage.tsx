import { Suspense, useEffect, useRef, useState } from 'react'
import type { Language } from '../api/languages'
import { fetchLanguages } from '../api/languages'
import { Icon } from '../components/Icon'
import { lazyPart } from '../components/lazyPart'
import type { EditorProps } from '../editor/editorProps'
import { PlainEditor } from '../editor/PlainEditor'
import type { Program } from '../program/program'
import { syntaxId } from '../program/syntax'
import { errorText } from '../run/statusText'
import { decodeFragment, encodeFragment, type SharedProgram } from '../share/fragment'
import { type EmbeddedRun, NOT_STARTED, runEmbedded } from './embeddedRun'
import { reportResult } from './embedder'

const LoadedEditor = lazyPart<EditorProps>(() => import('../editor/TouchEditor'), PlainEditor)

const MAX_LINES = 24
const FIRST_REVISION = 0

/** A program in a frame: its code, which the visitor can change and run, and its output. */
export function EmbedPage() {
  const [shared, setShared] = useState<SharedProgram | null>(null)
  const [language, setLanguage] = useState<Language | null>(null)
  const [error, setError] = useState<string | null>(null)
  useEffect(() => {
    Promise.all([decodeFragment(location.hash), fetchLanguages()]).then(
      ([decoded, languages]) => {
        if (typeof decoded === 'string')
          return setError('The program of this frame is incomplete or damaged.')
        setShared(decoded)
        const found = languages.find(({ id }) => id === decoded.language)
        if (found) setLanguage(found)
        else setError(`This server does not run programs in the language "${decoded.language}".`)
      },
      (failure: Error) => setError(errorText(failure)),
    )
  }, [])
  if (shared && language)
    return <RunnableProgram language={language} initial={namedProgram(shared, language)} />
  return (
    <p className={`embed-message ${error ? 'tone-bad' : ''}`} role="status">
      {error ?? 'Loading…'}
    </p>
  )
}

function RunnableProgram({ language, initial }: { language: Language; initial: Program }) {
  const [program, setProgram] = useState(initial)
  const [run, setRun] = useState<EmbeddedRun>(NOT_STARTED)
  const [fragment, setFragment] = useState('')
  const [resets, setResets] = useState(0)
  const stop = useRef<() => void>(() => {})
  const file = program.files[0]
  useEffect(() => {
    void encodeFragment({ language: language.id, program }).then(setFragment)
  }, [language, program])
  const start = () => {
    stop.current = runEmbedded(language, program, setRun, ({ outcome, exit_code }) =>
      reportResult({ outcome, exitCode: exit_code }),
    )
  }
  const reset = () => {
    setProgram(initial)
    setResets(resets + 1)
  }
  const write = (content: string) =>
    setProgram({
      ...program,
      files: program.files.map((other, index) => (index === 0 ? { ...other, content } : other)),
    })
  const editorProps = {
    path: `${language.id}/${FIRST_REVISION}/${file?.name}`,
    languageId: syntaxId(language),
    value: file?.content ?? '',
    followedEdits: resets,
    diagnostics: [],
    target: null,
    onChange: write,
  }
  return (
    <main className="embed">
      <h1 className="visually-hidden">{language.name} program</h1>
      {/* The capture phase: CodeMirror would insert a line. */}
      <div
        className="embed-code"
        style={{ height: `${codeLines(initial) * 1.55 * 0.875 + 1.75}rem` }}
        onKeyDownCapture={(event) => {
          if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey) || run.isActive) return
          event.preventDefault()
          event.stopPropagation()
          start()
        }}
      >
        <Suspense fallback={<PlainEditor {...editorProps} />}>
          <LoadedEditor {...editorProps} />
        </Suspense>
      </div>
      <div className="embed-bar">
        <button
          type="button"
          className={`button run ${run.isActive ? 'stop' : ''}`}
          onClick={run.isActive ? () => stop.current() : start}
        >
          <Icon name={run.isActive ? 'stop' : 'run'} />
          {run.isActive ? 'Stop' : 'Run'}
        </button>
        <span className={`embed-status tone-${run.status?.tone ?? 'quiet'}`} role="status">
          {run.status?.text ?? `${language.name} ${language.version ?? ''}`}
        </span>
        {program.files.length > 1 && (
          <span className="embed-files">and {program.files.length - 1} more files</span>
        )}
        <button type="button" className="button" disabled={program === initial} onClick={reset}>
          Reset
        </button>
        <a className="button" href={`/${fragment}`} target="_blank" rel="noopener">
          Open in Pyxec
        </a>
      </div>
      {run.output.length > 0 && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: the output scrolls
        <section className="embed-output" aria-label="Output" tabIndex={0}>
          {run.output.map((part, index) => (
            <span key={index} className={part.stream}>
              {part.text}
            </span>
          ))}
        </section>
      )}
    </main>
  )
}

/** The script of embedding pages does not know the file name of the language. */
function namedProgram({ program }: SharedProgram, language: Language): Program {
  const files = program.files.map((file) => (file.name === '' ? { ...file, name: language.file_name } : file))
  return { ...program, files }
}

function codeLines({ files }: Program): number {
  return Math.min(MAX_LINES, Math.max(2, (files[0]?.content ?? '').split('\n').length))
}
