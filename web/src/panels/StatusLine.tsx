import { useEffect, useState } from 'react'
import { failure, needsKey, sentenceOf } from '../run/sentence'
import type { RunState } from '../run/state'
import { bytes, seconds } from '../run/units'

interface Properties {
  state: RunState
  /** Why the server cannot be asked, while nothing else is to be told. */
  trouble: Error | null
  hint: string
  onReconnect(): void
  onKey(): void
}

/** The line at the bottom: the state in words, what the run took, and which keys help here. */
export function StatusLine({ state, trouble, hint, onReconnect, onKey }: Properties) {
  const isTold = state.phase === 'idle' && trouble !== null
  const { tone, text } = isTold ? { tone: 'warn', text: failure(trouble) } : sentenceOf(state)
  const error = state.phase === 'failed' ? state.error : isTold ? trouble : null
  const isWaiting = 'connection' in state && state.connection.state === 'waiting'
  return (
    <footer className="status-line">
      <div className={`sentence tone-${tone}`} data-phase={state.phase}>
        <span className="dot" />
        <span>{text}</span>
      </div>
      {isWaiting && (
        <button type="button" className="button" onClick={onReconnect}>
          Try now
        </button>
      )}
      {error && needsKey(error) && (
        <button type="button" className="button" onClick={onKey}>
          Enter a key
        </button>
      )}
      <Figures state={state} />
      <span className="hint">{hint}</span>
      <Announcement text={text} />
    </footer>
  )
}

function Figures({ state }: { state: RunState }) {
  const usage = state.phase === 'finished' ? state.result.usage : null
  if (!usage) return null
  return (
    <ul className="figures" aria-label="What the run took">
      <li title="Elapsed time">
        <b>{seconds(usage.wall_seconds)}</b>
      </li>
      <li title="Processor time">
        <b>{seconds(usage.cpu_seconds)}</b> CPU
      </li>
      <li title="Peak memory">
        <b>{bytes(usage.memory_peak_bytes)}</b> peak
      </li>
    </ul>
  )
}

const SETTLED_MS = 400

/** The same sentence for screen readers, once it has settled: a program of 30 ms need not be told in four. */
function Announcement({ text }: { text: string }) {
  const [said, setSaid] = useState('')
  useEffect(() => {
    const timer = setTimeout(() => setSaid(text), SETTLED_MS)
    return () => clearTimeout(timer)
  }, [text])
  return (
    <div className="unseen" role="status">
      {said}
    </div>
  )
}
