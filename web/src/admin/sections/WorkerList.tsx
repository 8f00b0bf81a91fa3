import type { Worker, WorkerMessage } from '../api/schema'
import { formatAgo, formatDuration, formatQuantity } from '../format'

const MAX_SHOWN_MESSAGES = 20

/** The workers that are alive or have messages, with these messages. Other workers are only counted. */
export function WorkerList({ workers }: { workers: Worker[] }) {
  const shown = workers.filter((worker) => worker.is_alive || worker.messages.length > 0)
  const stopped = workers.length - shown.length
  return (
    <section className="card" aria-labelledby="workers-title">
      <h2 id="workers-title">Workers</h2>
      {shown.length === 0 && <p className="tone-bad">No worker is running. Jobs stay in the queue.</p>}
      <ul className="items">
        {shown.map((worker) => (
          <WorkerItem key={worker.name} worker={worker} />
        ))}
      </ul>
      {stopped > 0 && (
        <p className="muted small">{formatQuantity(stopped, 'worker')} stopped in the last ten minutes.</p>
      )}
    </section>
  )
}

function WorkerItem({ worker }: { worker: Worker }) {
  const { name, is_alive, last_seen_seconds_ago, messages } = worker
  const longestFirst = [...messages].sort((a, b) => (b.running_seconds ?? -1) - (a.running_seconds ?? -1))
  const hidden = longestFirst.length - MAX_SHOWN_MESSAGES
  return (
    <li>
      <div className="item-head">
        <code>{name}</code>
        <span className={is_alive ? 'tone-good' : 'tone-bad'}>
          {is_alive ? 'alive' : 'lost: other workers recover its messages'}
        </span>
        <span className="muted">
          {last_seen_seconds_ago === null ? 'never seen' : `last seen ${formatAgo(last_seen_seconds_ago)}`}
        </span>
        <span className="muted">
          {messages.length === 0 ? 'idle' : formatQuantity(messages.length, 'message')}
        </span>
      </div>
      {messages.length > 0 && (
        <ul className="worker-messages">
          {longestFirst.slice(0, MAX_SHOWN_MESSAGES).map((message, index) => (
            <WorkerMessageRow key={`${message.queue} ${message.job_id ?? index}`} message={message} />
          ))}
          {hidden > 0 && <li className="muted">and {hidden} more</li>}
        </ul>
      )}
    </li>
  )
}

function WorkerMessageRow({ message }: { message: WorkerMessage }) {
  const { language, actor, job_id, queue, lane } = message
  return (
    <li>
      <b>{language ?? actor}</b>
      <code>{job_id ?? '–'}</code>
      <span className="muted">
        {queue}, {lane}
      </span>
      <span>{progressText(message)}</span>
    </li>
  )
}

/** Only jobs report when they start. */
function progressText({ running_seconds, language }: WorkerMessage): string {
  if (running_seconds !== null)
    return running_seconds < 0.1 ? 'just started' : `running for ${formatDuration(running_seconds)}`
  return language === null ? 'running' : 'fetched, not started'
}
