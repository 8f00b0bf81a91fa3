import { sumMetric } from '../api/metrics'
import { type Point, quantiles, ratePerMinute } from '../charts/rates'
import { formatCount, formatDuration, formatRate } from '../format'
import type { Snapshot } from '../live/useLiveData'

interface Stat {
  name: string
  value: string
  tone?: 'bad' | 'warn'
}

/** The most important stats of the service. */
export function StatTiles({ snapshot }: { snapshot: Snapshot }) {
  return (
    <section aria-labelledby="tiles-title">
      <h2 id="tiles-title" className="visually-hidden">
        Now
      </h2>
      <dl className="tiles">
        {collectStats(snapshot).map(({ name, value, tone }) => (
          <div key={name} className="card">
            <dt>{name}</dt>
            <dd className={tone && `tone-${tone}`}>{value}</dd>
          </div>
        ))}
      </dl>
    </section>
  )
}

function collectStats({ queues, workers, metrics, samples }: Snapshot): Stat[] {
  const sample = samples.at(-1)
  const dead = queues.reduce((sum, queue) => sum + queue.dead, 0)
  const alive = workers.filter((worker) => worker.is_alive).length
  const finished = ({ ok, otherOutcomes, failed }: (typeof samples)[number]) => ok + otherOutcomes + failed
  const queueTime = quantiles(samples, (each) => each.queueTime, 0.95)
  return [
    { name: 'Waiting', value: formatCount(sample?.waiting ?? 0) },
    { name: 'Oldest waiting', value: formatOptional(sample?.oldestSeconds ?? null, formatDuration) },
    { name: 'Running', value: formatCount(sample?.running ?? 0) },
    {
      name: 'Jobs per minute',
      value: formatOptional(lastValue(ratePerMinute(samples, finished)), formatRate),
    },
    { name: 'Queue time (95 %)', value: formatOptional(lastValue(queueTime), formatDuration) },
    { name: 'Workers', value: formatCount(alive), ...(alive === 0 && { tone: 'bad' as const }) },
    { name: 'Warm sandboxes', value: formatCount(sumMetric(metrics, 'pyxec_pool_idle')) },
    { name: 'Dead letters', value: formatCount(dead), ...(dead > 0 && { tone: 'warn' as const }) },
  ]
}

function lastValue(points: Point[]): number | null {
  return points.at(-1)?.value ?? null
}

function formatOptional(value: number | null, format: (value: number) => string): string {
  return value === null ? '–' : format(value)
}
