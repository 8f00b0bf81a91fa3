import { lazy, Suspense, useCallback, useMemo, useState } from 'react'
import * as v from 'valibot'
import { DIALOGS, type DialogName } from './dialogs/kinds'
import type { Place } from './editor/place'
import { Icon } from './layout/Icon'
import { Tabs } from './layout/Tabs'
import { useFocusedPane } from './layout/useFocusedPane'
import { NARROW, useMedia } from './layout/useMedia'
import { useShortcuts } from './layout/useShortcuts'
import { CodePane } from './panels/CodePane'
import { hintFor } from './panels/hint'
import { OutputPane, type OutputView } from './panels/OutputPane'
import { RunButton } from './panels/RunButton'
import { StatusLine } from './panels/StatusLine'
import { TopBar } from './panels/TopBar'
import { useSharedProgram } from './program/useSharedProgram'
import { useWorkspace } from './program/useWorkspace'
import { isActive, isFollowed } from './run/state'
import { useRun } from './run/useRun'
import { useFontSize } from './settings/fontSize'
import { useTheme } from './settings/theme'
import { useStored } from './settings/useStored'

const Dialogs = lazy(() => import('./dialogs/Dialogs'))
const Splitter = lazy(() => import('./layout/Splitter'))

type View = 'code' | 'output'
const VIEWS: { name: View; text: string }[] = [
  { name: 'code', text: 'Code' },
  { name: 'output', text: 'Output' },
]

/** The whole page: one program, one run. */
export function App() {
  const workspace = useWorkspace()
  const { language, program } = workspace
  const { run, state, findings } = useRun(workspace)
  const { theme, scheme, choose: chooseTheme } = useTheme()
  const [fontSize, setFontSize] = useFontSize()
  const [share, setShare] = useStored('share', v.number(), 52)
  const [view, setView] = useState<View>('code')
  const [outputView, setOutputView] = useState<OutputView>('terminal')
  const [dialog, setDialog] = useState<DialogName | null>(null)
  const [file, setFile] = useState(0)
  const [target, setTarget] = useState<Place | null>(null)
  const isNarrow = useMedia(NARROW)
  const focused = useFocusedPane()
  useSharedProgram(workspace)

  const start = useCallback(
    (what: 'program' | 'tests') => {
      if (isActive(run.snapshot()) || (what === 'tests' && program.tests.length === 0)) return
      setView('output')
      setOutputView(what === 'tests' ? 'tests' : 'terminal')
      void run.start({ what, language, program })
    },
    [run, language, program],
  )

  const goTo = (place: Place) => {
    const index = program.files.findIndex(({ name }) => name === place.file)
    if (index === -1) return
    setView('code')
    setFile(index)
    setTarget(place)
  }

  useShortcuts(
    useMemo(
      () => ({
        run: () => start('program'),
        test: () => start('tests'),
        stop: () => run.stop(),
        help: () => setDialog('help'),
      }),
      [start, run],
    ),
  )

  return (
    <div className="app">
      <TopBar languages={workspace.languages} language={language} onLanguage={workspace.choose}>
        {(isNarrow ? [MORE] : DIALOGS).map(({ name, text, icon }) => (
          <button key={name} type="button" className="button" title={text} onClick={() => setDialog(name)}>
            <Icon name={icon} />
            <span className="label">{text}</span>
          </button>
        ))}
        <RunButton
          isActive={isActive(state)}
          isStopping={isFollowed(state) && state.stopping}
          onRun={() => start('program')}
          onStop={() => run.stop()}
        />
      </TopBar>
      {isNarrow && (
        <Tabs<View> label="View" className="view-tabs" tabs={VIEWS} chosen={view} onChoose={setView} />
      )}
      <main
        className="panes"
        style={isNarrow ? {} : { gridTemplateColumns: `${share}fr 1px ${100 - share}fr` }}
      >
        <section
          className="pane code"
          id="panel-code"
          aria-label="Program"
          hidden={isNarrow && view !== 'code'}
        >
          <CodePane
            language={language}
            program={program}
            revision={workspace.revision}
            open={program.files[file] ? file : 0}
            scheme={scheme}
            fontSize={fontSize}
            findings={findings}
            target={target}
            onOpen={setFile}
            onEdit={workspace.edit}
          />
        </section>
        {!isNarrow && (
          <Suspense fallback={<div className="splitter" />}>
            <Splitter share={share} label="Width of the program" onShare={setShare} />
          </Suspense>
        )}
        <section
          className="pane output"
          id="panel-output"
          aria-label="Output"
          hidden={isNarrow && view !== 'output'}
        >
          <OutputPane
            run={run}
            state={state}
            scheme={scheme}
            fontSize={fontSize}
            program={program}
            view={outputView}
            onView={setOutputView}
            onPlace={goTo}
            onEdit={workspace.edit}
            onTest={() => start('tests')}
          />
        </section>
      </main>
      <StatusLine
        state={state}
        trouble={workspace.error}
        hint={hintFor(focused, isActive(state))}
        onReconnect={() => run.reconnect()}
        onKey={() => setDialog('settings')}
      />
      {dialog && (
        <Suspense>
          <Dialogs
            key={dialog}
            name={dialog}
            language={language}
            program={program}
            theme={theme}
            fontSize={fontSize}
            onTheme={chooseTheme}
            onFontSize={setFontSize}
            onOpen={setDialog}
            onProgram={workspace.replace}
            onStartOver={workspace.startOver}
            onClose={() => setDialog((current) => (current === dialog ? null : current))}
          />
        </Suspense>
      )}
    </div>
  )
}

const MORE = { name: 'more', text: 'More', icon: 'more' } as const
