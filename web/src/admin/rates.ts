/** From counters to what happened lately. */
import type { Sample } from './samples'
import type { Bucket } from './schema'

/** A point of a chart; `value` is null where there is nothing to tell. */
export interface Point {
  at: number
  value: number | null
}

/** Workers tell of their counts every 2 s: shorter windows would show that, not the work. */
const RATE_WINDOW_MS = 20_000
const LEAST_WINDOW_MS = 5000
const LATENCY_WINDOW_MS = 60_000

/** How many a minute, at each sample, over the window before it; null in the first seconds. */
export function perMinute(samples: readonly Sample[], counter: (sample: Sample) => number): Point[] {
  return samples.map((sample, index) => {
    const from = windowStart(samples, index, RATE_WINDOW_MS)
    if (from === null || sample.at - from.at < LEAST_WINDOW_MS) return { at: sample.at, value: null }
    const minutes = (sample.at - from.at) / 60_000
    return { at: sample.at, value: grown(counter(from), counter(sample)) / minutes }
  })
}

/** The time that a share `q` of what was measured in the window before each sample did not go above; null when nothing was. */
export function quantiles(
  samples: readonly Sample[],
  histogram: (sample: Sample) => Bucket[],
  q: number,
): Point[] {
  return samples.map((sample, index) => {
    const from = windowStart(samples, index, LATENCY_WINDOW_MS)
    const value = from === null ? null : quantile(difference(histogram(from), histogram(sample)), q)
    return { at: sample.at, value }
  })
}

/** Inside a bucket measurements count as evenly spread; above the last bound nothing is known but that bound. */
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

/** What came in between two readings. */
export function difference(before: readonly Bucket[], after: readonly Bucket[]): Bucket[] {
  return after.map(({ upper_bound, count }, index) => ({
    upper_bound,
    count: grown(before[index]?.count ?? 0, count),
  }))
}

/** A counter that went down began anew: its store was emptied. */
function grown(before: number, after: number): number {
  return after >= before ? after - before : after
}

/** The last sample that is older than the window, or the oldest there is; null before the second sample. */
function windowStart(samples: readonly Sample[], index: number, windowMs: number): Sample | null {
  const end = samples[index]
  if (!end || index === 0) return null
  for (let earlier = index - 1; earlier >= 0; earlier -= 1) {
    const sample = samples[earlier]
    if (sample && (sample.at <= end.at - windowMs || earlier === 0)) return sample
  }
  return null
}
