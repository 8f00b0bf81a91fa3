import { useEffect, useState } from 'react'
import { formatBytes, formatSeconds } from '../format'
import { runController } from '../run/runController'
import { isActive, type RunState } from '../run/runState'
import { errorText, requiresApiKey, statusText } from '../run/statusText'
import { currentLanguage, currentProgram, type PaneName, useStore } from '../store'
import { COMMAND_KEY } from './shortcuts'
import { useFocusedPane } from './useFocusedPane'

/** The bar at the bottom: the state of the run, its resource usage and the keys of the focused pane. */
export default function StatusBar() {
  const run = useStore((state) => state.run)
  const { limits } = useStore(currentLanguage)
  const program = useStore(currentProgram)
  const languagesError = useStore((state) => state.languagesError)
  const focusedPane = useFocusedPane()
  const idleError = run.phase === 'idle' ? languagesError : null
  const error = run.phase === 'failed' ? run.error : idleError
  const { tone, text } = idleError
    ? { tone: 'warn', text: errorText(idleError) }
    : statusText(run, program, limits)
  const isWaiting = 'connection' in run && run.connection.state === 'waiting'
  return (
    <footer className="status-bar">
      <div className={`status tone-${tone}`} data-phase={run.phase}>
        <span className="dot" />
        <span>{text}</span>
      </div>
      {isWaiting && (
        <button type="button" className="button" onClick={() => runController.reconnect()}>
          Reconnect now
        </button>
      )}
      {error && requiresApiKey(error) && (
        <button type="button" className="button" onClick={() => useStore.setState({ dialog: 'settings' })}>
          Enter a key
        </button>
      )}
      <ResourceUsage run={run} />
      <span className="hint">{keyboardHint(focusedPane, isActive(run))}</span>
      <StatusAnnouncement text={text} />
    </footer>
  )
}

function ResourceUsage({ run }: { run: RunState }) {
  const usage = run.phase === 'finished' ? run.result.usage : null
  if (!usage) return null
  return (
    <ul className="usage" aria-label="Resource usage">
      <li title="Elapsed time">
        <b>{formatSeconds(usage.wall_seconds)}</b>
      </li>
      <li title="CPU time">
        <b>{formatSeconds(usage.cpu_seconds)}</b> CPU
      </li>
      <li
        title={
          usage.memory_peak_source === 'kernel'
            ? 'Peak memory'
            : 'Peak memory (sampled: a short peak may be missing)'
        }
      >
        <b>{formatBytes(usage.memory_peak_bytes)}</b> peak
      </li>
    </ul>
  )
}

const ANNOUNCEMENT_DELAY_MS = 400

/** The status for screen readers. The delay skips the intermediate states of a short run. */
function StatusAnnouncement({ text }: { text: string }) {
  const [announced, setAnnounced] = useState('')
  useEffect(() => {
    const timer = setTimeout(() => setAnnounced(text), ANNOUNCEMENT_DELAY_MS)
    return () => clearTimeout(timer)
  }, [text])
  return (
    <div className="visually-hidden" role="status">
      {announced}
    </div>
  )
}

function keyboardHint(pane: PaneName | null, isRunning: boolean): string {
  const run = isRunning ? `${COMMAND_KEY}+. stops` : `${COMMAND_KEY}+Enter runs`
  if (pane === 'code') return `F6 leaves the editor · ${run}`
  if (pane === 'output') return `F6 leaves the terminal · ${run}`
  return `${run} · F6 next pane · F1 shortcuts`
}
