import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { format, default as init } from '@wasm-fmt/zig_fmt'
import { expect, test } from 'vitest'
import { formatZig } from '../../src/tools/formatZig'

await init(readFileSync(createRequire(import.meta.url).resolve('@wasm-fmt/zig_fmt/zig_fmt.wasm')))

test.each([
  ['const a=1;', 'const a = 1;\n'],
  ['const a=.{1,2,};', 'const a = .{\n    1,\n    2,\n};\n'],
  ['', ''],
  ['\n', '\n'],
])('formatZig of %j returns %j', (text, formatted) => {
  expect(formatZig(format, text)).toBe(formatted)
})

test.each(['x x', 'const std=@import(', 'fn f() void { g(1 2); }'])(
  'formatZig rejects the syntax error in %j',
  (text) => {
    expect(() => formatZig(format, text)).toThrow('the code has a syntax error')
    expect(formatZig(format, 'const a=1;')).toBe('const a = 1;\n')
  },
)
