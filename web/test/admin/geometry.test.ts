import { expect, test } from 'vitest'
import {
  areaPath,
  countAxisMaximum,
  durationAxisMaximum,
  linePath,
  nearestPoint,
} from '../../src/admin/charts/geometry'

const RANGE = { startMs: 0, endMs: 10_000 }
const points = (...values: (number | null)[]) =>
  values.map((value, index) => ({ timestampMs: index * 1000, value }))

test('linePath and areaPath have time to the right and values upwards', () => {
  expect(linePath(points(0, 5, 10), RANGE, 10)).toBe('M0 100L100 50 200 0')
  expect(areaPath(points(0, 5, 10), RANGE, 10)).toBe('M0 100L0 100 100 50 200 0 200 100Z')
})

test('linePath clips values above the axis', () => {
  expect(linePath(points(0, 99), RANGE, 10)).toBe('M0 100L100 0')
})

test('linePath has a gap where a value or a sample is missing', () => {
  expect(linePath(points(1, null, 1, 1), RANGE, 1)).toBe('M0 0h0M200 0L300 0')
  const interrupted = [
    { timestampMs: 0, value: 1 },
    { timestampMs: 2000, value: 1 },
    { timestampMs: 60_000, value: 1 },
  ]
  expect(linePath(interrupted, { startMs: 0, endMs: 60_000 }, 1)).toBe('M0 0L33.3 0M1000 0h0')
  expect(linePath([], RANGE, 1)).toBe('')
})

test.each([
  [0, 2],
  [2, 2],
  [3, 4],
  [5, 10],
  [10, 10],
  [84, 100],
  [101, 200],
  [4100, 10_000],
])('countAxisMaximum(%d) is %d', (highest, maximum) => {
  expect(countAxisMaximum(highest)).toBe(maximum)
})

test.each([
  [0, 0.01],
  [0.3, 0.4],
  [51, 60],
  [61, 120],
  [20_000, 21_600],
])('durationAxisMaximum(%d) is %d', (highest, maximum) => {
  expect(durationAxisMaximum(highest)).toBe(maximum)
})

test('nearestPoint returns the point nearest to the pointer', () => {
  expect(nearestPoint(points(1, 2, 3), RANGE, 0.14)?.value).toBe(2)
  expect(nearestPoint([], RANGE, 0.5)).toBeNull()
})
