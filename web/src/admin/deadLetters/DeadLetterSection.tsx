import { useRef, useState } from 'react'
import type { DeadLetter, Queue } from '../api/schema'
import { ConfirmDialog } from '../ConfirmDialog'
import { formatQuantity } from '../format'
import type { Notice } from '../notice'
import { DeadLetterItem } from './DeadLetterItem'
import { ACTIONS, type ActionName, actionErrorText } from './deadLetterActions'
import { deferAction } from './deferredAction'
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

/** How long a drop can be undone. */
const UNDO_MS = 10_000

/** The dead letters of each queue, with buttons that replay or drop them. */
export function DeadLetterSection({ queues, timestampMs, onNotice }: Props) {
  const [pending, setPending] = useState<PendingAction | null>(null)
  const [actionCount, setActionCount] = useState(0)
  const heading = useRef<HTMLHeadingElement>(null)
  const queuesWithDead = queues.filter(({ dead }) => dead > 0)
  const [dropped, setDropped] = useState<readonly string[]>([])
  const confirm = (confirmed: PendingAction) => {
    // The focused button disappears with its dead letter.
    heading.current?.focus({ preventScroll: true })
    if (confirmed.action !== 'drop') return void execute(confirmed)
    const { id } = confirmed.deadLetter
    const restore = () => setDropped((ids) => ids.filter((other) => other !== id))
    const deferred = deferAction(() => execute(confirmed).then(restore), UNDO_MS)
    setDropped((ids) => [...ids, id])
    onNotice({
      text: `The dead letter will be dropped in ${UNDO_MS / 1000} s, if this page stays open.`,
      isError: false,
      actions: [
        {
          text: 'Undo',
          run: () => {
            if (!deferred.undo()) return
            restore()
            onNotice({ text: 'The dead letter was kept.', isError: false })
          },
        },
        { text: 'Drop now', run: deferred.executeNow },
      ],
    })
  }
  const execute = async ({ action, deadLetter }: PendingAction) => {
    try {
      await ACTIONS[action].execute(deadLetter)
      onNotice({ text: ACTIONS[action].success, isError: false })
    } catch (error) {
      onNotice({ text: actionErrorText(error), isError: true })
    }
    setActionCount((count) => count + 1)
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
          hiddenIds={dropped}
          onAction={(action, deadLetter) => setPending({ action, deadLetter })}
        />
      ))}
      {pending && (
        <ConfirmDialog
          {...ACTIONS[pending.action]}
          onConfirm={() => confirm(pending)}
          onClose={() => setPending(null)}
        >
          <DeadLetterFacts deadLetter={pending.deadLetter} />
        </ConfirmDialog>
      )}
    </section>
  )
}

function DeadLetterFacts({ deadLetter: { actor, job_id, reason } }: { deadLetter: DeadLetter }) {
  return (
    <dl className="facts vertical">
      <div>
        <dt>Actor</dt>
        <dd>{actor}</dd>
      </div>
      <div>
        <dt>Job</dt>
        <dd>
          <code>{job_id ?? '–'}</code>
        </dd>
      </div>
      <div>
        <dt>Reason</dt>
        <dd>{reason}</dd>
      </div>
    </dl>
  )
}

interface QueueProps {
  queue: string
  count: number
  revision: string
  timestampMs: number
  /** Dead letters that are about to be dropped. */
  hiddenIds: readonly string[]
  onAction(action: ActionName, deadLetter: DeadLetter): void
}

function QueueDeadLetters({ queue, count, revision, timestampMs, hiddenIds, onAction }: QueueProps) {
  const { deadLetters, hasMore, error, showMore } = useDeadLetters(queue, revision)
  return (
    <>
      <h3>
        {queue} <span className="muted">{formatQuantity(count, 'dead letter')}, newest first</span>
      </h3>
      {error && <p className="tone-bad">{error}</p>}
      <ul className="items dead-letters">
        {deadLetters
          .filter(({ id }) => !hiddenIds.includes(id))
          .map((deadLetter) => (
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
