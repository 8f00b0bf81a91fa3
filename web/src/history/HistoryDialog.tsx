import { useState } from 'react'
import { Dialog } from '../components/Dialog'
import { offerUndo } from '../notices/notices'
import { replaceProgram } from '../program/programActions'
import { clearHistory, type PastRun, readHistory, restoreHistory } from './history'

// biome-ignore lint/suspicious/noControlCharactersInRegex: removes escape sequences, which HTML cannot show
const ANSI = /\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|.)/g
const DATE_FORMAT = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' })

/** The last runs, each with its output and a button that opens its program. */
export function HistoryDialog({ onClose }: { onClose(): void }) {
  const [runs, setRuns] = useState(readHistory)
  const open = (run: PastRun) => {
    replaceProgram(run.language, run.program)
    onClose()
  }
  const clear = () => {
    clearHistory()
    setRuns([])
    offerUndo('The history was cleared.', () => restoreHistory(runs))
    onClose()
  }
  return (
    <Dialog title="The last ten runs" onClose={onClose}>
      {runs.length === 0 ? (
        <p className="dialog-note">No runs yet. Your runs are stored in this browser only.</p>
      ) : (
        <>
          <ul className="history">
            {runs.map((run) => (
              <PastRunItem key={run.at} run={run} onOpen={() => open(run)} />
            ))}
          </ul>
          <button type="button" className="button outlined" onClick={clear}>
            Clear history
          </button>
        </>
      )}
    </Dialog>
  )
}

function PastRunItem({ run, onOpen }: { run: PastRun; onOpen(): void }) {
  return (
    <li>
      <div className="history-head">
        <b>{run.languageName}</b>
        <span className={`tone-${run.tone}`}>{run.ending}</span>
        <time dateTime={new Date(run.at).toISOString()}>{DATE_FORMAT.format(run.at)}</time>
      </div>
      <code className="history-code">{firstCodeLine(run)}</code>
      <div className="history-actions">
        <button type="button" className="button outlined" onClick={onOpen}>
          Open
        </button>
        {run.output && (
          <details>
            <summary>Output</summary>
            {/* biome-ignore lint/a11y/noNoninteractiveTabindex: keyboard users must be able to scroll it */}
            <pre tabIndex={0}>{run.output.replace(ANSI, '')}</pre>
          </details>
        )}
      </div>
    </li>
  )
}

function firstCodeLine({ program }: PastRun): string {
  const lines = program.files[0]?.content.split('\n') ?? []
  return lines.find((line) => line.trim() && !/^\s*(#|\/\/|\/\*)/.test(line)) ?? lines[0] ?? ''
}
