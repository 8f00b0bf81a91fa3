import { expect, test } from 'vitest'
import { splitArguments } from '../../src/program/arguments'

test.each([
  ['', []],
  ['  a  b ', ['a', 'b']],
  [`one 'two words' "three \\"quoted\\""`, ['one', 'two words', 'three "quoted"']],
  [`'' ""`, ['', '']],
  [`a'b'c`, ['abc']],
  [`back\\ slash '\\n'`, ['back slash', '\\n']],
])('splitArguments splits %j like a shell', (line, expected) => {
  expect(splitArguments(line)).toEqual(expected)
})
