import { Suspense } from 'react'
import { lazyPart } from '../components/lazyPart'
import { Tabs } from '../components/Tabs'
import { COMMAND_KEY } from '../layout/shortcuts'
import { currentProgram, isOutputShown, type OutputTab, useStore } from '../store'
import { TerminalPane } from '../terminal/TerminalPane'
import './output.css'

const OutputActions = lazyPart(() => import('./OutputActions'))
const TestsPane = lazyPart(() => import('../programTests/TestsPane'))
const OutputNote = lazyPart(() => import('./OutputNote'))
const OtherOutput = lazyPart(() => import('./OtherOutput'))
const ArtifactsPane = lazyPart(() => import('../artifacts/ArtifactsPane'))

/** The output of the run: the terminal with the artifacts below it, or the tests with their results. */
export function OutputPane() {
  const run = useStore((state) => state.run)
  const tab = useStore((state) => state.outputTab)
  const testCount = useStore((state) => currentProgram(state).tests.length)
  const isOwn = useStore(isOutputShown)
  const isHidden = useStore((state) => state.isOutputHidden) && tab === 'terminal'
  const isTerminal = tab === 'terminal'
  return (
    <>
      <div className="pane-head">
        <Tabs<OutputTab>
          label="Output"
          tabs={[
            { name: 'terminal', text: 'Terminal' },
            { name: 'tests', text: testCount > 0 ? `Tests (${testCount})` : 'Tests' },
          ]}
          selected={tab}
          onSelect={(outputTab) => useStore.setState({ outputTab })}
        />
        <Suspense>{isTerminal && isOwn && <OutputActions />}</Suspense>
      </div>
      <div
        className="pane-body"
        id="panel-terminal"
        role="tabpanel"
        aria-label="Terminal"
        hidden={!isTerminal}
      >
        <div className={isOwn ? '' : 'hidden-output'}>
          <TerminalPane />
        </div>
        {!isOwn && (
          <Suspense>
            <OtherOutput />
          </Suspense>
        )}
        {run.phase === 'idle' && (
          <div className="terminal-empty">
            <p>
              <kbd>{COMMAND_KEY}</kbd> <kbd>Enter</kbd> runs the program
            </p>
            <p>Its output appears here while it runs.</p>
          </div>
        )}
      </div>
      <Suspense>
        {!isTerminal && (
          <div className="pane-body" id="panel-tests" role="tabpanel" aria-label="Tests">
            <TestsPane />
          </div>
        )}
        {isTerminal && isOwn && run.phase === 'finished' && run.result.artifacts.length > 0 && (
          <ArtifactsPane key={run.jobId} jobId={run.jobId} result={run.result} />
        )}
      </Suspense>
      <Suspense>
        {isOwn && run.phase === 'finished' && (run.truncation || isHidden) && (
          <OutputNote truncation={run.truncation} isHidden={isHidden} />
        )}
      </Suspense>
    </>
  )
}
