import { readdirSync } from 'node:fs'
import { expect, test } from 'vitest'
import { findDiagnostics, findLocations } from '../../src/run/diagnostics'
import { COMPILER_MESSAGES } from './compilerMessages'

const location = (file: string, line: number, column = 1) => expect.objectContaining({ file, line, column })

test.each([
  ['  File "/work/main.py", line 12, in f', location('main.py', 12)],
  ["main.c:3:5: error: expected ';'", location('main.c', 3, 5)],
  ['    at Object.<anonymous> (/work/main.js:7:9)', location('main.js', 7, 9)],
  ['main.sh: line 4: nosuch: command not found', location('main.sh', 4)],
])('findLocations finds the location in %j', (line, expected) => {
  expect(findLocations(line, ['main.py', 'main.c', 'main.js', 'main.sh'])).toEqual([expected])
})

test('findLocations ignores files that do not belong to the program', () => {
  expect(findLocations('  File "/usr/lib/python3.11/json/decoder.py", line 355', ['main.py'])).toEqual([])
})

test('findDiagnostics assigns an exception to the innermost line of the program', () => {
  const output = [
    'Traceback (most recent call last):',
    '  File "/work/main.py", line 5, in <module>',
    '    f()',
    '  File "/work/main.py", line 2, in f',
    "    raise ValueError('no')",
    'ValueError: no',
  ].join('\n')

  expect(findDiagnostics(output, ['main.py'])).toEqual([
    { file: 'main.py', line: 2, column: 1, severity: 'error', message: 'ValueError: no' },
  ])
})

test('findDiagnostics finds compiler messages with and without colours', () => {
  const output = 'main.c:1:2: warning: odd\n\x1b[1mmain.c:3:4: error: wrong\x1b[0m\n'

  expect(findDiagnostics(output, ['main.c']).map(({ severity, message }) => [severity, message])).toEqual([
    ['warning', 'odd'],
    ['error', 'wrong'],
  ])
})

test.each(Object.entries(COMPILER_MESSAGES))(
  'findDiagnostics finds the message of %s',
  (_language, expected) => {
    const [first] = findDiagnostics(expected.output, [expected.file])

    if (expected.line === null) return expect(first).toBeUndefined()

    expect(first).toMatchObject({ file: expected.file, line: expected.line, message: expected.message })
    if (expected.column !== undefined) expect(first?.column).toBe(expected.column)
  },
)

test.each([
  [
    'Crystal exception',
    'main.cr',
    "Unhandled exception: on purpose (Exception)\n  from main.cr:1:1 in '__crystal_main'",
    { line: 1, column: 1, message: 'on purpose (Exception)' },
  ],
  [
    'Deno syntax error',
    'main.ts',
    'error: SyntaxError: Expression expected\n  |\n1 | const count: number = ;\n  |                       ~\n    at file:///work/main.ts:1:23',
    { line: 1, column: 23, message: 'SyntaxError: Expression expected' },
  ],
  [
    'Raku syntax error',
    'main.raku',
    '\x1b[31m===\x1b[0mSORRY!\x1b[31m===\x1b[0m Error while compiling /work/main.raku\nMissing required term after infix\nat /work/main.raku:2\n------> say (1 + ;',
    { line: 2, column: 1, message: 'Missing required term after infix' },
  ],
])('findDiagnostics finds the location and the message of a %s', (_name, file, output, expected) => {
  expect(findDiagnostics(output, [file])).toEqual([{ file, severity: 'error', ...expected }])
})

/** Their programs have the messages of JavaScript and Java. */
const TEST_FRAMEWORKS = ['jest', 'junit']

test('messages of all languages of the catalogue are tested', () => {
  const catalogue = readdirSync('../languages')
    .flatMap((name) => name.match(/^(.*)\.toml$/)?.[1] ?? [])
    .filter((id) => !TEST_FRAMEWORKS.includes(id))

  expect(Object.keys(COMPILER_MESSAGES).sort()).toEqual(catalogue.sort())
})
