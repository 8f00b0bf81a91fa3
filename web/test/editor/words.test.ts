import { expect, test } from 'vitest'
import { findWords, MAX_WORDS, wordStart } from '../../src/editor/words'

test('findWords returns the names of a text once and no numbers', () => {
  expect(findWords(['name_1 = naïve(name_1, 42, 0x1f) # 日本'], 0, '')).toEqual(['name_1', 'naïve', '日本'])
})

test('findWords does not return the word that is being typed', () => {
  expect(findWords(['remarkable=1', 'echo $rem'], 1, 'rem')).toEqual(['remarkable'])
})

test('findWords returns words of which a part starts with the first letter', () => {
  const line = 'total subtotal sub_total subTotal TOTAL x_t kettle'
  expect(findWords([line], 0, 't')).toEqual(['total', 'sub_total', 'subTotal', 'TOTAL', 'x_t'])
})

test('findWords returns the nearest words first, and not too many', () => {
  const lines = Array.from({ length: 2 * MAX_WORDS }, (_, index) => `name_${index}`)
  const words = findWords(lines, MAX_WORDS, '')
  expect(words.slice(0, 3)).toEqual([`name_${MAX_WORDS}`, `name_${MAX_WORDS - 1}`, `name_${MAX_WORDS + 1}`])
  expect(words).toHaveLength(MAX_WORDS)
})

test.each([
  ['echo $rem', 9, 6],
  ['f(x', 3, 2],
  ['a ', 2, 2],
  ['', 0, 0],
])('wordStart in %j at %i is %i', (line, offset, start) => {
  expect(wordStart(line, offset)).toBe(start)
})
