import { useCallback, useEffect, useMemo, useRef, useState, useSyncExternalStore } from 'react'
import * as v from 'valibot'
import { CodeEditor } from './editor/CodeEditor'
import type { Place } from './editor/place'
import { focusNextPane } from './layout/focus'
import { Splitter } from './layout/Splitter'
import { Tabs } from './layout/Tabs'
import { NARROW, useMedia } from './layout/useMedia'
import { FileTabs } from './panels/FileTabs'
import { RunButton } from './panels/RunButton'
import { Setup } from './panels/Setup'
import { StatusLine } from './panels/StatusLine'
import { TopBar } from './panels/TopBar'
import { submission } from './program/program'
import { useWorkspace } from './program/useWorkspace'
import { RunController } from './run/controller'
import { isActive, isFollowed } from './run/state'
import { useStored } from './settings/useStored'
import { useTheme } from './settings/theme'
import { TerminalPane } from './terminal/TerminalPane'

const VIEWS = [
  { name: 'code', text: 'Code' },
  { name: 'output', text: 'Output' },
] as const

export function App() {
  const run = useMemo(() => new RunController(), [])
  const state = useSyncExternalStore(run.subscribe, run.snapshot)
  const workspace = useWorkspace()
  const { language, program } = workspace
  const { scheme } = useTheme()
  const [fontSize] = useStored('fontSize', v.number(), 14)
  const [share, setShare] = useStored('share', v.number(), 52)
  const [view, setView] = useState<'code' | 'output'>('code')
  const [file, setFile] = useState(0)
  const [target] = useState<Place | null>(null)
  const size = useRef({ rows: 24, cols: 80 })
  const isNarrow = useMedia(NARROW)
  const open = program?.files[file] ? file : 0

  const start = useCallback(() => {
    if (!language || !program || isActive(run.snapshot())) return
    setView('output')
    void run.start(submission(language.id, program, size.current))
  }, [run, language, program])

  useShortcuts(start)

  return (
    <div className="app">
      <TopBar languages={workspace.languages} language={language} onLanguage={workspace.choose}>
        <RunButton
          isActive={isActive(state)}
          isStopping={isFollowed(state) && state.stopping}
          isReady={language !== null}
          onRun={start}
          onStop={() => run.stop()}
        />
      </TopBar>
      {isNarrow && <Tabs<"code" | "output"> label="View" className="view-tabs" tabs={VIEWS} chosen={view} onChoose={setView} />}
      <main className="panes" style={isNarrow ? {} : { gridTemplateColumns: `${share}fr 1px ${100 - share}fr` }}>
        <section className="pane code" id="panel-code" aria-label="Program" hidden={isNarrow && view !== 'code'}>
          {language && program && (
            <>
              <div className="pane-head">
                <FileTabs
                  files={program.files}
                  open={open}
                  onOpen={setFile}
                  onFiles={(files) => workspace.edit((current) => ({ ...current, files }))}
                />
              </div>
              <div className="pane-body">
                <CodeEditor
                  path={`${language.id}/${workspace.revision}/${program.files[open]?.name}`}
                  language={language.id}
                  value={program.files[open]?.content ?? ''}
                  scheme={scheme}
                  fontSize={fontSize}
                  findings={NONE}
                  target={target}
                  onChange={(content) =>
                    workspace.edit((current) => ({
                      ...current,
                      files: current.files.map((one, at) => (at === open ? { ...one, content } : one)),
                    }))
                  }
                />
              </div>
              <Setup language={language} program={program} onEdit={workspace.edit} />
            </>
          )}
        </section>
        {!isNarrow && <Splitter share={share} label="Width of the program" onShare={setShare} />}
        <section className="pane output" id="panel-output" aria-label="Output" hidden={isNarrow && view !== 'output'}>
          <div className="pane-head" />
          <div className="pane-body">
            <TerminalPane
              run={run}
              isInteractive={isFollowed(state)}
              isActive={isActive(state)}
              isTty={false}
              scheme={scheme}
              fontSize={fontSize}
              onSize={(next) => {
                size.current = next
              }}
            />
          </div>
        </section>
      </main>
      <StatusLine state={state} limits={{}} hint="Ctrl+Enter runs · F6 next pane" onReconnect={() => run.reconnect()} />
    </div>
  )
}

const NONE: never[] = []

/** The keys of the whole page; heard before the editor and the terminal hear them. */
function useShortcuts(start: () => void): void {
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      const isRun = event.key === 'Enter' && (event.ctrlKey || event.metaKey)
      if (!isRun && event.key !== 'F6') return
      event.preventDefault()
      event.stopPropagation()
      if (isRun) start()
      else focusNextPane(event.shiftKey)
    }
    addEventListener('keydown', press, { capture: true })
    return () => removeEventListener('keydown', press, { capture: true })
  }, [start])
}
