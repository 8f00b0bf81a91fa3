import { lazy, Suspense } from 'react'
import type { Place } from '../editor/place'
import { COMMAND_KEY } from '../layout/platform'
import type { RunController } from '../run/controller'
import type { RunState } from '../run/state'
import type { Scheme } from '../settings/theme'
import { TerminalPane } from '../terminal/TerminalPane'

const OutputActions = lazy(() => import('./OutputActions'))

interface Properties {
  run: RunController
  state: RunState
  scheme: Scheme
  fontSize: number
  onPlace(place: Place): void
}

/** What the program says, and what can be done with it. */
export function OutputPane({ run, state, scheme, fontSize, onPlace }: Properties) {
  return (
    <>
      <div className="pane-head">
        <h2 className="pane-title">Terminal</h2>
        <Suspense>
          <OutputActions run={run} state={state} />
        </Suspense>
      </div>
      <div className="pane-body">
        <TerminalPane run={run} state={state} scheme={scheme} fontSize={fontSize} onPlace={onPlace} />
        {state.phase === 'idle' && (
          <div className="terminal-empty">
            <p>
              <kbd>{COMMAND_KEY}</kbd> <kbd>Enter</kbd> runs the program
            </p>
            <p>What it writes appears here as it is written.</p>
          </div>
        )}
      </div>
      {state.phase === 'finished' && state.missing && <p className="output-note">{state.missing}</p>}
    </>
  )
}
