import { expect, test } from 'vitest'
import { lineDiff } from '../../src/programTests/lineDiff'

const diff = (expected: string, actual: string) =>
  lineDiff(expected, actual).map(({ kind, text }) => `${kind} ${text}`)

test('lineDiff shows a different line as missing and as extra', () => {
  expect(diff('a\nb\nc\n', 'a\nx\nc\n')).toEqual(['same a', 'missing b', 'extra x', 'same c'])
})

test('lineDiff ignores blanks at the end of lines and of the text', () => {
  expect(diff('a\nb\n\n', 'a  \nb')).toEqual(['gap 2 unchanged lines'])
})

test('lineDiff collapses lines that are far from a difference', () => {
  const lines = Array.from({ length: 20 }, (_, n) => `line ${n}`).join('\n')

  expect(diff(lines, `${lines}\nmore`)).toEqual([
    'gap 17 unchanged lines',
    'same line 17',
    'same line 18',
    'same line 19',
    'extra more',
  ])
})

test('lineDiff truncates the difference of unrelated texts', () => {
  const lines = (word: string) => Array.from({ length: 3000 }, (_, n) => `${word} ${n}`).join('\n')

  expect(lineDiff(lines('expected'), lines('actual'))).toHaveLength(400)
})
