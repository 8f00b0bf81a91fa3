import { expect, test } from 'vitest'
import { fromFragment, toFragment } from '../src/program/share'

const PROGRAM = {
  files: [{ name: 'main.py', content: 'print("ä € 😀")\n' }],
  args: 'a b',
  input: 'text' as const,
  stdin: 'x',
  limits: { wall_seconds: 3 },
  artifacts: '*.png',
  tests: [{ name: 'small', stdin: '1', args: '', expected: '2', wallSeconds: null }],
}

test('a program comes out of its link as it went in', async () => {
  const shared = { language: 'python', program: PROGRAM }

  const fragment = await toFragment(shared)

  expect(fragment).toMatch(/^#v1\.[A-Za-z0-9_-]+$/)
  expect(await fromFragment(fragment)).toEqual(shared)
})

test.each(['', '#', '#v1.', '#v1.%%%', '#v1.AAAA', '#v2.abcd', '#section'])(
  '%j is no program and no error',
  async (fragment) => {
    expect(await fromFragment(fragment)).toBeNull()
  },
)

test('a link that unfolds into more than a program can be is refused', async () => {
  const huge = { ...PROGRAM, stdin: 'x'.repeat(9 * 1024 * 1024) }

  const fragment = await toFragment({ language: 'python', program: huge })

  expect(fragment.length).toBeLessThan(50_000)
  expect(await fromFragment(fragment)).toBeNull()
})
