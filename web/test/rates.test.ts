import { expect, test } from 'vitest'
import { difference, perMinute, quantile, quantiles } from '../src/admin/rates'
import { KEPT_MS, type Sample, sampleOf, withSample } from '../src/admin/samples'

const BOUNDS = [0.1, 1, 10, null]
const histogram = (...counts: number[]) =>
  BOUNDS.map((upper_bound, index) => ({ upper_bound, count: counts[index] ?? 0 }))

const sample = (at: number, more: Partial<Sample> = {}): Sample => ({
  at,
  waiting: 0,
  running: 0,
  delayed: 0,
  oldestSeconds: null,
  ok: 0,
  otherwise: 0,
  failed: 0,
  queueTime: histogram(),
  runTime: histogram(),
  ...more,
})
const values = (points: { value: number | null }[]) => points.map(({ value }) => value)

test('a rate is what came in the last 20 s, as if it went on for a minute', () => {
  const samples = [0, 10, 20, 30, 40].map((second, index) => sample(second * 1000, { ok: 100 + 5 * index }))
  expect(values(perMinute(samples, ({ ok }) => ok))).toEqual([null, 30, 30, 30, 30])
  const stopped = [...samples, sample(60_000, { ok: 120 })]
  expect(values(perMinute(stopped, ({ ok }) => ok)).at(-1)).toBe(0)
})

test('the first seconds have no rate: counts arrive in lumps', () => {
  const samples = [sample(0), sample(2000, { ok: 9 }), sample(6000, { ok: 9 })]
  expect(values(perMinute(samples, ({ ok }) => ok))).toEqual([null, null, 90])
})

test('a counter that went down began anew', () => {
  const samples = [sample(0, { ok: 1000 }), sample(60_000, { ok: 7 })]
  expect(values(perMinute(samples, ({ ok }) => ok))).toEqual([null, 7])
  expect(difference(histogram(5, 5), histogram(1, 6))).toEqual(histogram(1, 1))
})

test('inside a bucket measurements are evenly spread', () => {
  expect(quantile(histogram(10), 0.5)).toBeCloseTo(0.05)
  expect(quantile(histogram(10, 10), 0.75)).toBeCloseTo(0.55)
  expect(quantile(histogram(0, 0, 4), 1)).toBe(10)
})

test('above the last bound only that bound is known, and of nothing there is no quantile', () => {
  expect(quantile(histogram(1, 0, 0, 99), 0.95)).toBe(10)
  expect(quantile(histogram(), 0.5)).toBeNull()
  expect(quantile([], 0.5)).toBeNull()
})

test('quantiles tell of the minute before, not of all time', () => {
  const samples = [
    sample(0, { runTime: histogram(1000) }),
    sample(30_000, { runTime: histogram(1000, 0, 10) }),
    sample(60_000, { runTime: histogram(1000, 0, 10) }),
    sample(90_000, { runTime: histogram(1000, 0, 10) }),
  ]
  expect(values(quantiles(samples, ({ runTime }) => runTime, 1))).toEqual([null, 10, 10, null])
})

test('a sample is the sum over the queues, with jobs by how they ended', () => {
  const lanes = { lanes: [], name: 'jobs' }
  const series = (outcome: string, value: number) => ({
    labels: { outcome, language: 'c' },
    value,
    count: null,
    sum: null,
    buckets: [],
  })
  const made = sampleOf(
    5,
    [
      { ...lanes, waiting: 2, running: 1, delayed: 0, dead: 4, oldest_seconds: 1.5 },
      { ...lanes, waiting: 3, running: 0, delayed: 7, dead: 0, oldest_seconds: null },
    ],
    {
      collected_at: '',
      metrics: [
        {
          name: 'pyxec_jobs_total',
          series: [series('ok', 5), series('signaled', 2), series('infrastructure_error', 1)],
        },
      ],
    },
  )
  expect(made).toMatchObject({ at: 5, waiting: 5, running: 1, delayed: 7, oldestSeconds: 1.5 })
  expect(made).toMatchObject({ ok: 5, otherwise: 2, failed: 1, queueTime: [] })
})

test('samples are kept for a quarter of an hour', () => {
  const kept = withSample([sample(0), sample(1000)], sample(KEPT_MS + 500))
  expect(kept.map(({ at }) => at)).toEqual([1000, KEPT_MS + 500])
})
