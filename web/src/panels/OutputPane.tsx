import { lazy, Suspense } from 'react'
import type { Place } from '../editor/place'
import { COMMAND_KEY } from '../layout/platform'
import { Tabs } from '../layout/Tabs'
import type { Program } from '../program/program'
import type { RunController } from '../run/controller'
import type { RunState } from '../run/state'
import type { Scheme } from '../settings/theme'
import { TerminalPane } from '../terminal/TerminalPane'

const OutputActions = lazy(() => import('./OutputActions'))
const CasesPane = lazy(() => import('../cases/CasesPane'))
const ArtifactsPane = lazy(() => import('../artifacts/ArtifactsPane'))

export type OutputView = 'terminal' | 'tests'

interface Properties {
  run: RunController
  state: RunState
  scheme: Scheme
  fontSize: number
  program: Program
  view: OutputView
  onView(view: OutputView): void
  onPlace(place: Place): void
  onEdit(change: (program: Program) => Program): void
  onTest(): void
}

/** What the program says, what it leaves, and whether that is what it should. */
export function OutputPane(properties: Properties) {
  const { run, state, program, view, onView, onEdit, onTest } = properties
  const count = program.tests.length
  const isTerminal = view === 'terminal'
  return (
    <>
      <div className="pane-head">
        <Tabs<OutputView>
          label="Output"
          tabs={[
            { name: 'terminal', text: 'Terminal' },
            { name: 'tests', text: count > 0 ? `Tests (${count})` : 'Tests' },
          ]}
          chosen={view}
          onChoose={onView}
        />
        <Suspense>{isTerminal && <OutputActions run={run} state={state} />}</Suspense>
      </div>
      <div
        className="pane-body"
        id="panel-terminal"
        role="tabpanel"
        aria-label="Terminal"
        hidden={!isTerminal}
      >
        <TerminalPane {...properties} />
        {state.phase === 'idle' && (
          <div className="terminal-empty">
            <p>
              <kbd>{COMMAND_KEY}</kbd> <kbd>Enter</kbd> runs the program
            </p>
            <p>What it writes appears here as it is written.</p>
          </div>
        )}
      </div>
      <Suspense>
        {!isTerminal && (
          <div className="pane-body" id="panel-tests" role="tabpanel" aria-label="Tests">
            <CasesPane run={run} state={state} program={program} onEdit={onEdit} onRun={onTest} />
          </div>
        )}
        {isTerminal && state.phase === 'finished' && state.result.artifacts.length > 0 && (
          <ArtifactsPane key={state.jobId} jobId={state.jobId} result={state.result} />
        )}
      </Suspense>
      {state.phase === 'finished' && state.missing && <p className="output-note">{state.missing}</p>}
    </>
  )
}
