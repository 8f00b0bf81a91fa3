import { useState } from 'react'
import { Icon } from '../layout/Icon'
import type { RunController } from '../run/controller'
import { download } from '../run/download'
import { isActive, type RunState } from '../run/state'

const COPIED_MS = 1500

/** What can be done with the output; loaded behind what shows it. */
export default function OutputActions({ run, state }: { run: RunController; state: RunState }) {
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
        onClick={() => download(new Blob([run.output.text()], { type: 'text/plain' }), 'output.txt')}
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
