import { useState } from 'react'
import type { Place } from '../editor/place'
import { Icon } from '../layout/Icon'
import { COMMAND_KEY } from '../layout/platform'
import type { RunController } from '../run/controller'
import { isActive, type RunState } from '../run/state'
import type { Scheme } from '../settings/theme'
import { TerminalPane } from '../terminal/TerminalPane'

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
        <OutputActions run={run} state={state} />
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

const COPIED_MS = 1500

function OutputActions({ run, state }: { run: RunController; state: RunState }) {
  const [isCopied, setIsCopied] = useState(false)
  const copy = async () => {
    await navigator.clipboard.writeText(run.output.text())
    setIsCopied(true)
    setTimeout(() => setIsCopied(false), COPIED_MS)
  }
  const isEmpty = state.phase === 'idle' || state.phase === 'submitting'
  return (
    <div className="actions">
      <button type="button" className="button" title="Copy the output" disabled={isEmpty} onClick={copy}>
        <Icon name="copy" />
        <span className="label">{isCopied ? 'Copied' : 'Copy'}</span>
      </button>
      <button
        type="button"
        className="button"
        title="Download the output"
        disabled={isEmpty}
        onClick={() => download(run.output.text())}
      >
        <Icon name="download" />
        <span className="label">Download</span>
      </button>
      <button
        type="button"
        className="button"
        title="Clear the output"
        disabled={isEmpty || isActive(state)}
        onClick={() => run.leave()}
      >
        <Icon name="clear" />
        <span className="label">Clear</span>
      </button>
    </div>
  )
}

function download(text: string): void {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(new Blob([text], { type: 'text/plain' }))
  link.download = 'output.txt'
  link.click()
  URL.revokeObjectURL(link.href)
}
