/** What the charts are made of: one sample an answer, kept in this page for a quarter of an hour. */
import { buckets, total } from './figures'
import type { Bucket, Figures, Queue } from './schema'

export const KEPT_MS = 15 * 60_000

/** Of one moment. What is counted is counted since the service was first started. */
export interface Sample {
  /** By this page's clock, ms. */
  at: number
  waiting: number
  running: number
  delayed: number
  oldestSeconds: number | null
  ok: number
  otherwise: number
  failed: number
  queueTime: Bucket[]
  runTime: Bucket[]
}

export function sampleOf(at: number, queues: Queue[], figures: Figures): Sample {
  const sum = (field: 'waiting' | 'running' | 'delayed') =>
    queues.reduce((all, queue) => all + queue[field], 0)
  const ages = queues.flatMap(({ oldest_seconds }) => oldest_seconds ?? [])
  const all = total(figures, 'pyxec_jobs_total')
  const ok = total(figures, 'pyxec_jobs_total', ({ outcome }) => outcome === 'ok')
  const failed = total(figures, 'pyxec_jobs_total', ({ outcome }) => outcome === 'infrastructure_error')
  return {
    at,
    waiting: sum('waiting'),
    running: sum('running'),
    delayed: sum('delayed'),
    oldestSeconds: ages.length > 0 ? Math.max(...ages) : null,
    ok,
    otherwise: all - ok - failed,
    failed,
    queueTime: buckets(figures, 'pyxec_job_queue_seconds'),
    runTime: buckets(figures, 'pyxec_job_run_seconds'),
  }
}

/** With one more, and without what is too old. */
export function withSample(samples: readonly Sample[], sample: Sample): Sample[] {
  return [...samples.filter(({ at }) => at > sample.at - KEPT_MS), sample]
}
