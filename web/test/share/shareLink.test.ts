import { expect, test } from 'vitest'
import { decodeFragment, encodeFragment } from '../../src/share/shareLink'

const PROGRAM = {
  files: [{ name: 'main.py', content: 'print("ä € 😀")\n' }],
  args: 'a b',
  input: 'text' as const,
  stdin: 'x',
  limits: { wall_seconds: 3 },
  artifacts: '*.png',
  tests: [{ name: 'small', stdin: '1', args: '', expected: '2', wallSeconds: null }],
}

test('decodeFragment returns the encoded program', async () => {
  const shared = { language: 'python', program: PROGRAM }

  const fragment = await encodeFragment(shared)

  expect(fragment).toMatch(/^#v1\.[A-Za-z0-9_-]+$/)
  expect(await decodeFragment(fragment)).toEqual(shared)
})

test.each(['', '#', '#v1.', '#v1.%%%', '#v1.AAAA', '#v2.abcd', '#section'])(
  'decodeFragment(%j) is null',
  async (fragment) => {
    expect(await decodeFragment(fragment)).toBeNull()
  },
)

test('decodeFragment rejects a program that decompresses to more than 8 MiB', async () => {
  const huge = { ...PROGRAM, stdin: 'x'.repeat(9 * 1024 * 1024) }

  const fragment = await encodeFragment({ language: 'python', program: huge })

  expect(fragment.length).toBeLessThan(50_000)
  expect(await decodeFragment(fragment)).toBeNull()
})
