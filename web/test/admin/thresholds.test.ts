import fc from 'fast-check'
import { expect, test } from 'vitest'
import { thresholdText, thresholdValues, valueTone } from '../../src/admin/thresholds'

test.each([
  [null, { warn: 1 }, null],
  [9, { warn: 10, bad: 60 }, null],
  [10, { warn: 10, bad: 60 }, 'warn'],
  [60, { warn: 10, bad: 60 }, 'bad'],
  [0, { minimum: 1 }, 'bad'],
  [1, { minimum: 1 }, null],
])('valueTone of %j with %j is %j', (value, threshold, tone) => {
  expect(valueTone(value, threshold)).toBe(tone)
})

test('a larger value is never less critical', () => {
  const rank = (tone: string | null) => ['warn', 'bad'].indexOf(tone ?? '')
  fc.assert(
    fc.property(fc.nat(100), fc.nat(100), fc.nat(100), fc.nat(100), (a, b, x, y) => {
      const threshold = { warn: Math.min(a, b), bad: Math.max(a, b) }
      expect(rank(valueTone(Math.max(x, y), threshold))).toBeGreaterThanOrEqual(
        rank(valueTone(Math.min(x, y), threshold)),
      )
    }),
  )
})

test('the colour changes exactly at each of thresholdValues', () => {
  const threshold = { warn: 5, bad: 30 }
  expect(thresholdValues(threshold)).toEqual([
    { value: 5, tone: 'warn' },
    { value: 30, tone: 'bad' },
  ])
  for (const { value, tone } of thresholdValues(threshold)) {
    expect(valueTone(value, threshold)).toBe(tone)
    expect(valueTone(value - 0.01, threshold)).not.toBe(tone)
  }
  expect(thresholdValues({ minimum: 1 })).toEqual([{ value: 1, tone: 'bad' }])
})

test('thresholdText describes all thresholds', () => {
  expect(thresholdText({ warn: 1, bad: 5 }, String)).toBe('warning from 1, critical from 5')
  expect(thresholdText({ minimum: 1 }, String)).toBe('critical below 1')
})
