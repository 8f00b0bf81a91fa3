import { expect, test } from 'vitest'
import { ago, counted, duration, rate, readable } from '../src/admin/words'

test.each([
  [0.0042, '4 ms'],
  [1, '1 s'],
  [3.24, '3.2 s'],
  [42.4, '42 s'],
  [120, '2 min'],
  [7200, '2 h'],
  [200_000, '2 days'],
])('%d seconds are %s', (seconds, text) => {
  expect(duration(seconds)).toBe(text)
})

test('figures are exact where they are small', () => {
  expect([rate(0.25), rate(3), rate(1234.5)]).toEqual(['0.3', '3', '1,235'])
  expect([counted(1, 'job'), counted(1500, 'job')]).toEqual(['1 job', '1,500 jobs'])
  expect([ago(0.2), ago(7.4)]).toEqual(['now', '7 s ago'])
})

test('a message that is no JSON is shown as it is', () => {
  expect(readable('{"args":["1"]}')).toBe('{\n  "args": [\n    "1"\n  ]\n}')
  expect(readable('{"cut')).toBe('{"cut')
})
