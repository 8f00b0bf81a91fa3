import { expect, test } from 'vitest'
import { area, line, nearest, topOfCounts, topOfSeconds } from '../src/admin/geometry'

const SPAN = { from: 0, to: 10_000 }
const points = (...values: (number | null)[]) => values.map((value, index) => ({ at: index * 1000, value }))

test('time goes to the right and values go up', () => {
  expect(line(points(0, 5, 10), SPAN, 10)).toBe('M0 100L100 50 200 0')
  expect(area(points(0, 5, 10), SPAN, 10)).toBe('M0 100L0 100 100 50 200 0 200 100Z')
})

test('a value above the axis stays inside the chart', () => {
  expect(line(points(0, 99), SPAN, 10)).toBe('M0 100L100 0')
})

test('the line is broken where nothing is known', () => {
  expect(line(points(1, null, 1, 1), SPAN, 1)).toBe('M0 0h0M200 0L300 0')
  const pause = [
    { at: 0, value: 1 },
    { at: 2000, value: 1 },
    { at: 60_000, value: 1 },
  ]
  expect(line(pause, { from: 0, to: 60_000 }, 1)).toBe('M0 0L33.3 0M1000 0h0')
  expect(line([], SPAN, 1)).toBe('')
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
])('counts up to %d end at %d', (highest, top) => {
  expect(topOfCounts(highest)).toBe(top)
})

test.each([
  [0, 0.01],
  [0.3, 0.4],
  [51, 60],
  [61, 120],
  [20_000, 21_600],
])('times up to %d s end at %d s', (highest, top) => {
  expect(topOfSeconds(highest)).toBe(top)
})

test('the pointer finds the nearest point', () => {
  expect(nearest(points(1, 2, 3), SPAN, 0.14)?.value).toBe(2)
  expect(nearest([], SPAN, 0.5)).toBeNull()
})
