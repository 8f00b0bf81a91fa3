import { expect, test } from 'vitest'
import { formatterErrorText } from '../../src/tools/formatterErrors'

const MAGO =
  'UnexpectedToken(OneOf([Semicolon]), Variable, Span { start: Position { offset: 11 }, end: Position { offset: 13 } })'

test.each([
  ['prettier', 'Unexpected token (1:7)\n> 1 | f( x y\n    |     ^', '', 'Unexpected token (1:7)'],
  ['gofmt', "2:11: expected ')', found '{'", '', "2:11: expected ')', found '{'"],
  ['Mago', MAGO, '<?php\n$x=1 $y;', 'the code has a syntax error in line 2'],
  [
    'Mago, of a text with longer characters',
    MAGO,
    '<?php\n"éé"\n$y;',
    'the code has a syntax error in line 2',
  ],
  [
    'StyLua',
    'error parsing: \n - unexpected token `x` (1:3 to 1:4), expected `=`\n - unexpected token `y`',
    '',
    'unexpected token `x` (1:3 to 1:4), expected `=`',
  ],
  ['an empty message', '', '', 'the code has a syntax error'],
])('formatterErrorText of %s states the problem in one line', (_name, message, text, expected) => {
  expect(formatterErrorText(message, text)).toBe(expected)
})
