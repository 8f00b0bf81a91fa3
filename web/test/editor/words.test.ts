import { expect, test } from 'vitest'
import { findWords, wordStart } from '../../src/editor/words'

test('findWords returns the names of a text once and no numbers', () => {
  expect(findWords('name_1 = naïve(name_1, 42, 0x1f) # 日本', '')).toEqual(['name_1', 'naïve', '日本'])
})

test('findWords does not return the word that is being typed', () => {
  expect(findWords('remarkable=1\necho $rem', 'rem')).toEqual(['remarkable', 'echo'])
})

test.each([
  ['echo $rem', 9, 6],
  ['f(x', 3, 2],
  ['a ', 2, 2],
  ['', 0, 0],
])('wordStart in %j at %i is %i', (line, offset, start) => {
  expect(wordStart(line, offset)).toBe(start)
})
