import { useRef, useState } from 'react'
import type { DeadLetter, Queue } from '../api/schema'
import { formatQuantity } from '../format'
import type { Notice } from '../notice'
import { ConfirmDialog } from './ConfirmDialog'
import { DeadLetterItem } from './DeadLetterItem'
import { ACTIONS, type ActionName, actionErrorText } from './deadLetterActions'
import { useDeadLetters } from './useDeadLetters'

interface Props {
  queues: Queue[]
  /** By the clock of the page: Unix time in milliseconds. */
  timestampMs: number
  onNotice(notice: Notice): void
}

interface PendingAction {
  action: ActionName
  deadLetter: DeadLetter
}

/** The dead letters of each queue, with buttons that replay or drop them. */
export function DeadLetterSection({ queues, timestampMs, onNotice }: Props) {
  const [pending, setPending] = useState<PendingAction | null>(null)
  const [actionCount, setActionCount] = useState(0)
  const heading = useRef<HTMLHeadingElement>(null)
  const queuesWithDead = queues.filter(({ dead }) => dead > 0)
  const execute = async ({ action, deadLetter }: PendingAction) => {
    try {
      await ACTIONS[action].execute(deadLetter)
      onNotice({ text: ACTIONS[action].success, isError: false })
    } catch (error) {
      onNotice({ text: actionErrorText(error), isError: true })
    }
    setActionCount((count) => count + 1)
    // The focused button disappears with its dead letter.
    heading.current?.focus({ preventScroll: true })
  }
  return (
    <section className="card" aria-labelledby="dead-letters-title">
      <h2 id="dead-letters-title" ref={heading} tabIndex={-1}>
        Dead letters
      </h2>
      {queuesWithDead.length === 0 && <p className="muted">No dead letters.</p>}
      {queuesWithDead.map(({ name, dead }) => (
        <QueueDeadLetters
          key={name}
          queue={name}
          count={dead}
          revision={`${dead} ${actionCount}`}
          timestampMs={timestampMs}
          onAction={(action, deadLetter) => setPending({ action, deadLetter })}
        />
      ))}
      {pending && (
        <ConfirmDialog
          action={pending.action}
          deadLetter={pending.deadLetter}
          onConfirm={() => execute(pending)}
          onClose={() => setPending(null)}
        />
      )}
    </section>
  )
}

interface QueueProps {
  queue: string
  count: number
  revision: string
  timestampMs: number
  onAction(action: ActionName, deadLetter: DeadLetter): void
}

function QueueDeadLetters({ queue, count, revision, timestampMs, onAction }: QueueProps) {
  const { deadLetters, hasMore, error, showMore } = useDeadLetters(queue, revision)
  return (
    <>
      <h3>
        {queue} <span className="muted">{formatQuantity(count, 'dead letter')}, newest first</span>
      </h3>
      {error && <p className="tone-bad">{error}</p>}
      <ul className="items dead-letters">
        {deadLetters.map((deadLetter) => (
          <DeadLetterItem
            key={deadLetter.id}
            deadLetter={deadLetter}
            timestampMs={timestampMs}
            onAction={(action) => onAction(action, deadLetter)}
          />
        ))}
      </ul>
      {hasMore && (
        <button type="button" className="button outlined" onClick={showMore}>
          Show more
        </button>
      )}
    </>
  )
}
