import type { Queue } from './schema'
import { count, duration } from './words'

const DEPTHS = ['waiting', 'running', 'delayed'] as const
const NAMES = { waiting: 'Waiting', running: 'Held', delayed: 'Delayed' }

/** Each queue, and below it its lanes: one a priority. */
export function Queues({ queues }: { queues: Queue[] }) {
  return (
    <section className="card" aria-labelledby="queues-title">
      <h2 id="queues-title">Queues</h2>
      <table className="figures-table">
        <thead>
          <tr>
            <th scope="col">Queue</th>
            {DEPTHS.map((depth) => (
              <th key={depth} scope="col">
                {NAMES[depth]}
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
        {DEPTHS.map((depth) => (
          <td key={depth}>{count(queue[depth])}</td>
        ))}
        <td>{queue.oldest_seconds === null ? '–' : duration(queue.oldest_seconds)}</td>
        <td className={queue.dead > 0 ? 'tone-warn' : ''}>{count(queue.dead)}</td>
      </tr>
      {queue.lanes.map((lane) => (
        <tr key={lane.name} className="lane">
          <th scope="row">{lane.name}</th>
          {DEPTHS.map((depth) => (
            <td key={depth}>{count(lane[depth])}</td>
          ))}
          <td />
          <td />
        </tr>
      ))}
    </tbody>
  )
}
