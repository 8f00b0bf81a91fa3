/** Rates and quantiles over a sliding window, computed from counters and histograms. */
import type { Bucket } from '../api/schema'
import type { Sample } from './samples'

/** A point of a chart. `value` is null if it is unknown. */
export interface Point {
  timestampMs: number
  value: number | null
}

// Workers report their counters every 2 s. A shorter window would show the reports and not the jobs.
const RATE_WINDOW_MS = 20_000
const MIN_RATE_WINDOW_MS = 5000
const QUANTILE_WINDOW_MS = 60_000

/** The rate of a counter per minute at each sample. The value is null in the first seconds. */
export function ratePerMinute(samples: readonly Sample[], counter: (sample: Sample) => number): Point[] {
  return samples.map((sample, index) => {
    const { timestampMs } = sample
    const start = windowStart(samples, index, RATE_WINDOW_MS)
    if (start === null || timestampMs - start.timestampMs < MIN_RATE_WINDOW_MS)
      return { timestampMs, value: null }
    const minutes = (timestampMs - start.timestampMs) / 60_000
    return { timestampMs, value: increase(counter(start), counter(sample)) / minutes }
  })
}

/** The quantile `q` of a histogram in the minute before each sample. The value is null without measurements. */
export function quantiles(
  samples: readonly Sample[],
  histogram: (sample: Sample) => Bucket[],
  q: number,
): Point[] {
  return samples.map((sample, index) => {
    const start = windowStart(samples, index, QUANTILE_WINDOW_MS)
    const value = start === null ? null : quantile(difference(histogram(start), histogram(sample)), q)
    return { timestampMs: sample.timestampMs, value }
  })
}

/** Estimates a quantile as Prometheus does: linear within a bucket, and the last bound above all bounds. */
export function quantile(buckets: readonly Bucket[], q: number): number | null {
  const rank = q * buckets.reduce((sum, { count }) => sum + count, 0)
  if (rank === 0) return null
  let below = 0
  let lower = 0
  for (const { upper_bound, count } of buckets) {
    if (upper_bound === null) return lower
    if (count > 0 && below + count >= rank) return lower + ((upper_bound - lower) * (rank - below)) / count
    below += count
    lower = upper_bound
  }
  return lower
}

/** The measurements that were added between two states of a histogram. */
export function difference(before: readonly Bucket[], after: readonly Bucket[]): Bucket[] {
  return after.map(({ upper_bound, count }, index) => ({
    upper_bound,
    count: increase(before[index]?.count ?? 0, count),
  }))
}

/** A counter that decreased was reset, because Redis was emptied. */
function increase(before: number, after: number): number {
  return after >= before ? after - before : after
}

/** Returns the last sample before the window, or else the oldest one; null for the first sample. */
function windowStart(samples: readonly Sample[], index: number, windowMs: number): Sample | null {
  const end = samples[index]
  if (!end || index === 0) return null
  const before = samples.slice(0, index)
  return before.findLast(({ timestampMs }) => timestampMs <= end.timestampMs - windowMs) ?? before[0] ?? null
}
