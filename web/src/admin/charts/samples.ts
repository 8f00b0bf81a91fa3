/** Samples for the charts: one for each response of the API, kept in the page for 15 minutes. */
import { histogramBuckets, sumMetric } from '../api/metrics'
import type { Bucket, Metrics, Queue } from '../api/schema'

export const KEPT_MS = 15 * 60_000

/** The state of the service at one time. Counters and histograms start when the service is first started. */
export interface Sample {
  /** Unix time in milliseconds. */
  timestampMs: number
  waiting: number
  running: number
  delayed: number
  /** How long the oldest message has waited. */
  oldestSeconds: number | null
  /** The number of finished jobs by outcome: ok, other outcomes, and failures of the service. */
  ok: number
  otherOutcomes: number
  failed: number
  queueTime: Bucket[]
  runTime: Bucket[]
}

export function createSample(timestampMs: number, queues: Queue[], metrics: Metrics): Sample {
  const sumQueues = (field: 'waiting' | 'running' | 'delayed') =>
    queues.reduce((sum, queue) => sum + queue[field], 0)
  const ages = queues.flatMap(({ oldest_seconds }) => oldest_seconds ?? [])
  const all = sumMetric(metrics, 'pyxec_jobs_total')
  const ok = sumMetric(metrics, 'pyxec_jobs_total', ({ outcome }) => outcome === 'ok')
  const failed = sumMetric(metrics, 'pyxec_jobs_total', ({ outcome }) => outcome === 'infrastructure_error')
  return {
    timestampMs,
    waiting: sumQueues('waiting'),
    running: sumQueues('running'),
    delayed: sumQueues('delayed'),
    oldestSeconds: ages.length > 0 ? Math.max(...ages) : null,
    ok,
    otherOutcomes: all - ok - failed,
    failed,
    queueTime: histogramBuckets(metrics, 'pyxec_job_queue_seconds'),
    runTime: histogramBuckets(metrics, 'pyxec_job_run_seconds'),
  }
}

/** Adds a sample, and removes those that are too old. */
export function addSample(samples: readonly Sample[], sample: Sample): Sample[] {
  return [...samples.filter(({ timestampMs }) => timestampMs > sample.timestampMs - KEPT_MS), sample]
}
