import type { Held, Worker } from './schema'
import { ago, counted, duration } from './words'

const MOST_SHOWN = 20

/** The worker processes: those that are there, with what they run; those that are not are counted. */
export function Workers({ workers }: { workers: Worker[] }) {
  const shown = workers.filter((worker) => worker.is_alive || worker.messages.length > 0)
  const gone = workers.length - shown.length
  return (
    <section className="card" aria-labelledby="workers-title">
      <h2 id="workers-title">Workers</h2>
      {shown.length === 0 && <p className="tone-bad">No worker is there: nothing is run.</p>}
      <ul className="rows">
        {shown.map((worker) => (
          <WorkerRow key={worker.name} worker={worker} />
        ))}
      </ul>
      {gone > 0 && (
        <p className="muted small">{counted(gone, 'worker')} of the last 24 hours left or fell silent.</p>
      )}
    </section>
  )
}

function WorkerRow({ worker }: { worker: Worker }) {
  const longestFirst = [...worker.messages].sort(
    (a, b) => (b.running_seconds ?? -1) - (a.running_seconds ?? -1),
  )
  const hidden = longestFirst.length - MOST_SHOWN
  const seen = worker.last_seen_seconds_ago
  return (
    <li>
      <div className="row-head">
        <code>{worker.name}</code>
        <span className={worker.is_alive ? 'tone-good' : 'tone-bad'}>
          {worker.is_alive ? 'there' : 'silent: others take over what it holds'}
        </span>
        <span className="muted">{seen === null ? 'never heard of' : `heard of ${ago(seen)}`}</span>
        <span className="muted">
          {worker.messages.length === 0 ? 'idle' : `holds ${worker.messages.length}`}
        </span>
      </div>
      {worker.messages.length > 0 && (
        <ul className="held">
          {longestFirst.slice(0, MOST_SHOWN).map((held, index) => (
            <HeldRow key={`${held.queue} ${held.job_id ?? index}`} held={held} />
          ))}
          {hidden > 0 && <li className="muted">and {hidden} more</li>}
        </ul>
      )}
    </li>
  )
}

function HeldRow({ held }: { held: Held }) {
  return (
    <li>
      <b>{held.language ?? held.actor}</b>
      <code>{held.job_id ?? '–'}</code>
      <span className="muted">
        {held.queue}, {held.lane}
      </span>
      <span>{whatItDoes(held)}</span>
    </li>
  )
}

function whatItDoes({ running_seconds, language }: Held): string {
  if (running_seconds !== null)
    return running_seconds < 0.1 ? 'just begun' : `runs for ${duration(running_seconds)}`
  return language === null ? 'in hand' : 'fetched, not begun'
}
