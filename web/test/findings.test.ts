import { expect, test } from 'vitest'
import { findings, mentions } from '../src/run/findings'

const place = (file: string, line: number, column = 1) => expect.objectContaining({ file, line, column })

test.each([
  ['  File "/work/main.py", line 12, in f', place('main.py', 12)],
  ["main.c:3:5: error: expected ';'", place('main.c', 3, 5)],
  ['    at Object.<anonymous> (/work/main.js:7:9)', place('main.js', 7, 9)],
  ['main.sh: line 4: nosuch: command not found', place('main.sh', 4)],
])('%j names a place', (line, expected) => {
  expect(mentions(line, ['main.py', 'main.c', 'main.js', 'main.sh'])).toEqual([expected])
})

test('a place in a file that is not the program’s is none', () => {
  expect(mentions('  File "/usr/lib/python3.11/json/decoder.py", line 355', ['main.py'])).toEqual([])
})

test('an exception is put where the program’s innermost line was', () => {
  const output = [
    'Traceback (most recent call last):',
    '  File "/work/main.py", line 5, in <module>',
    '    f()',
    '  File "/work/main.py", line 2, in f',
    "    raise ValueError('no')",
    'ValueError: no',
  ].join('\n')

  expect(findings(output, ['main.py'])).toEqual([
    { file: 'main.py', line: 2, column: 1, severity: 'error', message: 'ValueError: no' },
  ])
})

test('each complaint of a compiler is one, colours or not', () => {
  const output = 'main.c:1:2: warning: odd\n\x1b[1mmain.c:3:4: error: wrong\x1b[0m\n'

  expect(findings(output, ['main.c']).map(({ severity, message }) => [severity, message])).toEqual([
    ['warning', 'odd'],
    ['error', 'wrong'],
  ])
})
