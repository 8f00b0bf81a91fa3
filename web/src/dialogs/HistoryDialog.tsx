import { useState } from 'react'
import { Dialog } from '../layout/Dialog'
import { forgetHistory, type PastRun, readHistory } from '../run/history'
import type { DialogProperties } from './Dialogs'

// biome-ignore lint/suspicious/noControlCharactersInRegex: output may have colours; here it is shown without
const ANSI = /\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|.)/g
const WHEN = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' })

export function HistoryDialog({ onProgram, onClose }: DialogProperties) {
  const [runs, setRuns] = useState(readHistory)
  const open = (run: PastRun) => {
    onProgram(run.language, run.program)
    onClose()
  }
  const forget = () => {
    forgetHistory()
    setRuns([])
  }
  if (runs.length === 0) {
    return (
      <Dialog title="The last ten runs" onClose={onClose}>
        <p className="dialog-note">Nothing yet. What you run is kept here, in this browser only.</p>
      </Dialog>
    )
  }
  return (
    <Dialog title="The last ten runs" onClose={onClose}>
      <ul className="history">
        {runs.map((run) => (
          <li key={run.at}>
            <div className="history-head">
              <b>{run.languageName}</b>
              <span className={`tone-${run.tone}`}>{run.ending}</span>
              <time dateTime={new Date(run.at).toISOString()}>{WHEN.format(run.at)}</time>
            </div>
            <code className="history-code">{firstLine(run)}</code>
            <div className="history-actions">
              <button type="button" className="button outlined" onClick={() => open(run)}>
                Open
              </button>
              {run.output && (
                <details>
                  <summary>Output</summary>
                  {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, also for who has no mouse */}
                  <pre tabIndex={0}>{run.output.replace(ANSI, '')}</pre>
                </details>
              )}
            </div>
          </li>
        ))}
      </ul>
      <button type="button" className="button outlined" onClick={forget}>
        Forget all
      </button>
    </Dialog>
  )
}

function firstLine({ program }: PastRun): string {
  const lines = program.files[0]?.content.split('\n') ?? []
  return lines.find((line) => line.trim() && !/^\s*(#|\/\/|\/\*)/.test(line)) ?? lines[0] ?? ''
}
