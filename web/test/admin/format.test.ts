import { expect, test } from 'vitest'
import { formatAgo, formatDuration, formatJson, formatQuantity, formatRate } from '../../src/admin/format'

test.each([
  [0.0042, '4 ms'],
  [1, '1 s'],
  [3.24, '3.2 s'],
  [42.4, '42 s'],
  [120, '2 min'],
  [7200, '2 h'],
  [200_000, '2 days'],
])('formatDuration(%d) is %s', (seconds, text) => {
  expect(formatDuration(seconds)).toBe(text)
})

test('small numbers have more digits', () => {
  expect([formatRate(0.25), formatRate(3), formatRate(1234.5)]).toEqual(['0.3', '3', '1,235'])
  expect([formatQuantity(1, 'job'), formatQuantity(1500, 'job')]).toEqual(['1 job', '1,500 jobs'])
  expect([formatAgo(0.2), formatAgo(7.4)]).toEqual(['now', '7 s ago'])
})

test('formatJson indents JSON and returns other text unchanged', () => {
  expect(formatJson('{"args":["1"]}')).toBe('{\n  "args": [\n    "1"\n  ]\n}')
  expect(formatJson('{"cut')).toBe('{"cut')
})
