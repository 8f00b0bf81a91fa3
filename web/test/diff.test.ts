import { expect, test } from 'vitest'
import { lineDiff } from '../src/cases/diff'

const shown = (expected: string, written: string) =>
  lineDiff(expected, written).map(({ kind, text }) => `${kind} ${text}`)

test('a line that differs is shown as missing and as extra, between those that are alike', () => {
  expect(shown('a\nb\nc\n', 'a\nx\nc\n')).toEqual(['same a', 'missing b', 'extra x', 'same c'])
})

test('blanks at the ends of lines and of the text do not count', () => {
  expect(shown('a\nb\n\n', 'a  \nb')).toEqual(['gap 2 lines alike'])
})

test('what is far from any difference is left out', () => {
  const many = Array.from({ length: 20 }, (_, n) => `line ${n}`).join('\n')

  expect(shown(many, `${many}\nmore`)).toEqual([
    'gap 17 lines alike',
    'same line 17',
    'same line 18',
    'same line 19',
    'extra more',
  ])
})

test('texts with nothing in common are shown one after the other, up to a bound', () => {
  const lines = (word: string) => Array.from({ length: 3000 }, (_, n) => `${word} ${n}`).join('\n')

  const found = lineDiff(lines('expected'), lines('written'))

  expect(found).toHaveLength(400)
})
