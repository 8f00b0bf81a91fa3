import { expect, test } from 'vitest'
import { difference, type Point, quantile, quantiles, ratePerMinute } from '../../src/admin/charts/rates'
import { addSample, createSample, KEPT_MS, type Sample } from '../../src/admin/charts/samples'

const BOUNDS = [0.1, 1, 10, null]
const histogram = (...counts: number[]) =>
  BOUNDS.map((upper_bound, index) => ({ upper_bound, count: counts[index] ?? 0 }))

const sample = (timestampMs: number, more: Partial<Sample> = {}): Sample => ({
  timestampMs,
  waiting: 0,
  running: 0,
  delayed: 0,
  oldestSeconds: null,
  ok: 0,
  otherOutcomes: 0,
  failed: 0,
  queueTime: histogram(),
  runTime: histogram(),
  ...more,
})
const values = (points: Point[]) => points.map(({ value }) => value)

test('ratePerMinute extrapolates the increase of the last 20 s', () => {
  const samples = [0, 10, 20, 30, 40].map((second, index) => sample(second * 1000, { ok: 100 + 5 * index }))
  expect(values(ratePerMinute(samples, ({ ok }) => ok))).toEqual([null, 30, 30, 30, 30])
  const stopped = [...samples, sample(60_000, { ok: 120 })]
  expect(values(ratePerMinute(stopped, ({ ok }) => ok)).at(-1)).toBe(0)
})

test('ratePerMinute is null in the first seconds', () => {
  const samples = [sample(0), sample(2000, { ok: 9 }), sample(6000, { ok: 9 })]
  expect(values(ratePerMinute(samples, ({ ok }) => ok))).toEqual([null, null, 90])
})

test('ratePerMinute and difference detect a reset counter', () => {
  const samples = [sample(0, { ok: 1000 }), sample(60_000, { ok: 7 })]
  expect(values(ratePerMinute(samples, ({ ok }) => ok))).toEqual([null, 7])
  expect(difference(histogram(5, 5), histogram(1, 6))).toEqual(histogram(1, 1))
})

test('quantile interpolates within a bucket', () => {
  expect(quantile(histogram(10), 0.5)).toBeCloseTo(0.05)
  expect(quantile(histogram(10, 10), 0.75)).toBeCloseTo(0.55)
  expect(quantile(histogram(0, 0, 4), 1)).toBe(10)
})

test('quantile returns the last bound for larger values, and null without measurements', () => {
  expect(quantile(histogram(1, 0, 0, 99), 0.95)).toBe(10)
  expect(quantile(histogram(), 0.5)).toBeNull()
  expect(quantile([], 0.5)).toBeNull()
})

test('quantiles use only the measurements of the last minute', () => {
  const samples = [
    sample(0, { runTime: histogram(1000) }),
    sample(30_000, { runTime: histogram(1000, 0, 10) }),
    sample(60_000, { runTime: histogram(1000, 0, 10) }),
    sample(90_000, { runTime: histogram(1000, 0, 10) }),
  ]
  expect(values(quantiles(samples, ({ runTime }) => runTime, 1))).toEqual([null, 10, 10, null])
})

test('createSample sums the queues and counts the jobs by outcome', () => {
  const lanes = { lanes: [], name: 'jobs' }
  const series = (outcome: string, value: number) => ({
    labels: { outcome, language: 'c' },
    value,
    count: null,
    sum: null,
    buckets: [],
  })
  const created = createSample(
    5,
    [
      { ...lanes, waiting: 2, running: 1, delayed: 0, dead: 4, oldest_seconds: 1.5, is_paused: false },
      { ...lanes, waiting: 3, running: 0, delayed: 7, dead: 0, oldest_seconds: null, is_paused: false },
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
  expect(created).toMatchObject({ timestampMs: 5, waiting: 5, running: 1, delayed: 7, oldestSeconds: 1.5 })
  expect(created).toMatchObject({ ok: 5, otherOutcomes: 2, failed: 1, queueTime: [] })
})

test('addSample removes samples that are older than 15 minutes', () => {
  const kept = addSample([sample(0), sample(1000)], sample(KEPT_MS + 500))
  expect(kept.map(({ timestampMs }) => timestampMs)).toEqual([1000, KEPT_MS + 500])
})
