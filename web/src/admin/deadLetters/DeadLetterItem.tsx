import type { DeadLetter } from '../api/schema'
import { formatAgo, formatJson, formatQuantity } from '../format'
import { ACTIONS, type ActionName } from './deadLetterActions'

interface Props {
  deadLetter: DeadLetter
  /** By the clock of the page: Unix time in milliseconds. */
  timestampMs: number
  onAction(action: ActionName): void
}

/** A dead letter: its reason, its message and its traceback. All of it is untrusted, and shown as text. */
export function DeadLetterItem({ deadLetter, timestampMs, onAction }: Props) {
  const { actor, id, job_id, reason, attempts, dead_lettered_at, traceback, message } = deadLetter
  const deadLetteredAt = new Date(dead_lettered_at)
  return (
    <li>
      <details>
        <summary>
          <b>{actor}</b> <span className="reason">{reason}</span>
        </summary>
        <TextBlock title="Message" text={formatJson(message)} />
        {traceback && <TextBlock title="Traceback" text={traceback} />}
      </details>
      <p className="muted small">
        <time dateTime={dead_lettered_at} title={deadLetteredAt.toLocaleString('en-GB')}>
          {formatAgo((timestampMs - deadLetteredAt.getTime()) / 1000)}
        </time>
        , after {formatQuantity(attempts, 'attempt')}
        {job_id && (
          <>
            , job <code>{job_id}</code>
          </>
        )}
      </p>
      <div className="dead-letter-buttons">
        {(['replay', 'drop'] as const).map((action) => (
          <button
            key={action}
            type="button"
            className="button outlined"
            aria-label={`${ACTIONS[action].label} ${actor} ${id}`}
            onClick={() => onAction(action)}
          >
            {ACTIONS[action].label}
          </button>
        ))}
      </div>
    </li>
  )
}

function TextBlock({ title, text }: { title: string; text: string }) {
  return (
    <>
      <h4>{title}</h4>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: keyboard users must be able to scroll it */}
      <pre tabIndex={0}>{text}</pre>
    </>
  )
}
