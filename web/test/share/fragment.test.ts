import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeFragment, encodeFragment } from '../../src/share/fragment'

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

test.each([
  ['', /incomplete or damaged/],
  ['#v1', /incomplete or damaged/],
  ['#v1.', /incomplete or damaged/],
  ['#v1.%%%', /incomplete or damaged/],
  ['#v1.AAAA', /incomplete or damaged/],
  ['#v2.abcd', /newer version/],
])('decodeFragment(%j) states why there is no program', async (fragment, reason) => {
  expect(await decodeFragment(fragment)).toMatch(reason)
})

test('decodeFragment rejects a program that decompresses to more than 8 MiB', async () => {
  const huge = { ...PROGRAM, stdin: 'x'.repeat(9 * 1024 * 1024) }

  const fragment = await encodeFragment({ language: 'python', program: huge })

  expect(fragment.length).toBeLessThan(50_000)
  expect(await decodeFragment(fragment)).toMatch(/damaged/)
})

test('decodeFragment returns each encoded program, and never a part of a truncated one', async () => {
  const text = fc.string({ unit: 'binary' })
  const program = fc.record({
    files: fc.array(fc.record({ name: text, content: text }), { minLength: 1, maxLength: 5 }),
    args: text,
    stdin: text,
  })
  await fc.assert(
    fc.asyncProperty(program, fc.nat(), async (partial, cut) => {
      const shared = { language: 'python', program: { ...PROGRAM, ...partial } }
      const fragment = await encodeFragment(shared)
      expect(await decodeFragment(fragment)).toEqual(shared)
      expect(typeof (await decodeFragment(fragment.slice(0, cut % fragment.length)))).toBe('string')
    }),
    { numRuns: 15 },
  )
})
