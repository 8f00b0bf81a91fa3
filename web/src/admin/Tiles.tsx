import { total } from './figures'
import { type Point, perMinute, quantiles } from './rates'
import type { Now } from './useLive'
import { count, duration, rate } from './words'

interface Tile {
  name: string
  value: string
  tone?: 'bad' | 'warn'
}

/** The figures that one looks at first. */
export function Tiles({ now }: { now: Now }) {
  return (
    <section aria-labelledby="tiles-title">
      <h2 id="tiles-title" className="unseen">
        Now
      </h2>
      <dl className="tiles">
        {tiles(now).map(({ name, value, tone }) => (
          <div key={name} className="card">
            <dt>{name}</dt>
            <dd className={tone && `tone-${tone}`}>{value}</dd>
          </div>
        ))}
      </dl>
    </section>
  )
}

function tiles({ queues, workers, figures, samples }: Now): Tile[] {
  const sample = samples.at(-1)
  const dead = queues.reduce((sum, queue) => sum + queue.dead, 0)
  const alive = workers.filter((worker) => worker.is_alive).length
  const jobs = last(perMinute(samples, ({ ok, otherwise, failed }) => ok + otherwise + failed))
  const inQueue = last(quantiles(samples, ({ queueTime }) => queueTime, 0.95))
  return [
    { name: 'Waiting', value: count(sample?.waiting ?? 0) },
    { name: 'Oldest waits', value: sample?.oldestSeconds == null ? '–' : duration(sample.oldestSeconds) },
    { name: 'Held by workers', value: count(sample?.running ?? 0) },
    { name: 'Jobs a minute', value: jobs === null ? '–' : rate(jobs) },
    { name: '95 % begin within', value: inQueue === null ? '–' : duration(inQueue) },
    { name: 'Workers', value: count(alive), ...(alive === 0 && { tone: 'bad' as const }) },
    { name: 'Warm sandboxes', value: count(total(figures, 'pyxec_pool_idle')) },
    { name: 'Dead letters', value: count(dead), ...(dead > 0 && { tone: 'warn' as const }) },
  ]
}

function last(points: Point[]): number | null {
  return points.at(-1)?.value ?? null
}
