import { useState } from 'react'
import type { Queue } from '../api/schema'
import { ConfirmDialog } from '../ConfirmDialog'
import { formatCount, formatDuration } from '../format'
import type { Notice } from '../notice'
import { THRESHOLDS, valueTone } from '../thresholds'
import { MAINTENANCE_QUEUE, pause, resume } from './queueActions'

const COLUMNS = [
  { field: 'waiting', title: 'Waiting' },
  { field: 'running', title: 'Running' },
  { field: 'delayed', title: 'Delayed' },
] as const

interface Props {
  queues: Queue[]
  onNotice(notice: Notice): void
}

/** The number of messages in each queue and in its lanes, one for each priority, and buttons that pause queues. */
export function QueueTable({ queues, onNotice }: Props) {
  const [paused, setPaused] = useState<string | null>(null)
  return (
    <section className="card" aria-labelledby="queues-title">
      <h2 id="queues-title">Queues</h2>
      <table className="stats-table">
        <thead>
          <tr>
            <th scope="col">Queue</th>
            {COLUMNS.map(({ field, title }) => (
              <th key={field} scope="col">
                {title}
              </th>
            ))}
            <th scope="col">Oldest</th>
            <th scope="col">Dead</th>
            <th scope="col">
              <span className="visually-hidden">Action</span>
            </th>
          </tr>
        </thead>
        {queues.map((queue) => (
          <QueueRows
            key={queue.name}
            queue={queue}
            onPause={() => setPaused(queue.name)}
            onResume={() => resume(queue.name, onNotice)}
          />
        ))}
      </table>
      {paused !== null && (
        <ConfirmDialog
          question={`Pause the queue ${paused}?`}
          consequence="Workers receive no message of this queue until it is resumed. New messages are accepted and wait."
          label="Pause"
          isDestructive
          onConfirm={() => pause(paused, onNotice)}
          onClose={() => setPaused(null)}
        />
      )}
    </section>
  )
}

function QueueRows({ queue, onPause, onResume }: { queue: Queue; onPause(): void; onResume(): void }) {
  const { name, is_paused, oldest_seconds, dead, lanes } = queue
  const deadTone = valueTone(dead, THRESHOLDS.deadLetters)
  return (
    <tbody>
      <tr>
        <th scope="row">
          {name}
          {is_paused && <span className="tone-warn"> (paused)</span>}
        </th>
        {COLUMNS.map(({ field }) => (
          <td key={field}>{formatCount(queue[field])}</td>
        ))}
        <td>{oldest_seconds === null ? '–' : formatDuration(oldest_seconds)}</td>
        <td className={deadTone ? `tone-${deadTone}` : ''}>{formatCount(dead)}</td>
        <td>
          {name !== MAINTENANCE_QUEUE && (
            <button
              type="button"
              className="button outlined"
              aria-label={`${is_paused ? 'Resume' : 'Pause'} ${name}`}
              onClick={is_paused ? onResume : onPause}
            >
              {is_paused ? 'Resume' : 'Pause'}
            </button>
          )}
        </td>
      </tr>
      {lanes.map((lane) => (
        <tr key={lane.name} className="lane">
          <th scope="row">{lane.name}</th>
          {COLUMNS.map(({ field }) => (
            <td key={field}>{formatCount(lane[field])}</td>
          ))}
          <td />
          <td />
          <td />
        </tr>
      ))}
    </tbody>
  )
}
