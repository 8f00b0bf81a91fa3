import type { Queue } from '../api/schema'
import { formatCount, formatDuration } from '../format'

const COLUMNS = [
  { field: 'waiting', title: 'Waiting' },
  { field: 'running', title: 'Running' },
  { field: 'delayed', title: 'Delayed' },
] as const

/** The number of messages in each queue and in its lanes, one for each priority. */
export function QueueTable({ queues }: { queues: Queue[] }) {
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
          </tr>
        </thead>
        {queues.map((queue) => (
          <QueueRows key={queue.name} queue={queue} />
        ))}
      </table>
    </section>
  )
}

function QueueRows({ queue }: { queue: Queue }) {
  return (
    <tbody>
      <tr>
        <th scope="row">{queue.name}</th>
        {COLUMNS.map(({ field }) => (
          <td key={field}>{formatCount(queue[field])}</td>
        ))}
        <td>{queue.oldest_seconds === null ? '–' : formatDuration(queue.oldest_seconds)}</td>
        <td className={queue.dead > 0 ? 'tone-warn' : ''}>{formatCount(queue.dead)}</td>
      </tr>
      {queue.lanes.map((lane) => (
        <tr key={lane.name} className="lane">
          <th scope="row">{lane.name}</th>
          {COLUMNS.map(({ field }) => (
            <td key={field}>{formatCount(lane[field])}</td>
          ))}
          <td />
          <td />
        </tr>
      ))}
    </tbody>
  )
}
