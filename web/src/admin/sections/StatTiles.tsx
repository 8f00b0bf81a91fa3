import { sumMetric } from '../api/metrics'
import { type Point, quantiles, ratePerMinute } from '../charts/rates'
import { formatCount, formatDuration, formatRate } from '../format'
import type { Snapshot } from '../live/useLiveData'
import { THRESHOLDS, type Threshold, type Tone, thresholdText, valueTone } from '../thresholds'

interface Stat {
  name: string
  value: string
  tone?: Tone | null
  /** Describes the thresholds of its colour. */
  note?: string
}

/** The most important stats of the service. */
export function StatTiles({ snapshot }: { snapshot: Snapshot }) {
  return (
    <section aria-labelledby="tiles-title">
      <h2 id="tiles-title" className="visually-hidden">
        Now
      </h2>
      <dl className="tiles">
        {collectStats(snapshot).map(({ name, value, tone, note }) => (
          <div key={name} className="card">
            <dt>{name}</dt>
            <dd className={tone ? `tone-${tone}` : ''}>{value}</dd>
            {note && <dd className="threshold muted small">{note}</dd>}
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
  const queueTime = lastValue(quantiles(samples, (each) => each.queueTime, 0.95))
  const oldest = sample?.oldestSeconds ?? null
  return [
    { name: 'Waiting', value: formatCount(sample?.waiting ?? 0) },
    { name: 'Oldest waiting', ...withThreshold(oldest, THRESHOLDS.oldestSeconds, formatDuration) },
    { name: 'Running', value: formatCount(sample?.running ?? 0) },
    {
      name: 'Jobs per minute',
      value: formatOptional(lastValue(ratePerMinute(samples, finished)), formatRate),
    },
    { name: 'Queue time (95 %)', ...withThreshold(queueTime, THRESHOLDS.queueTimeSeconds, formatDuration) },
    { name: 'Workers', ...withThreshold(alive, THRESHOLDS.workers, formatCount) },
    { name: 'Warm sandboxes', value: formatCount(sumMetric(metrics, 'pyxec_pool_idle')) },
    { name: 'Dead letters', ...withThreshold(dead, THRESHOLDS.deadLetters, formatCount) },
  ]
}

function withThreshold(
  value: number | null,
  threshold: Threshold,
  format: (value: number) => string,
): Omit<Stat, 'name'> {
  return {
    value: formatOptional(value, format),
    tone: valueTone(value, threshold),
    note: thresholdText(threshold, format),
  }
}

function lastValue(points: Point[]): number | null {
  return points.at(-1)?.value ?? null
}

function formatOptional(value: number | null, format: (value: number) => string): string {
  return value === null ? '–' : format(value)
}
