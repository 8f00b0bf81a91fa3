import { expect, test } from 'vitest'
import type { Language } from '../src/api/schema'
import { limitsInForce } from '../src/program/limits'
import { type Program, template } from '../src/program/program'
import { submission, testSubmission } from '../src/program/submission'

const range = (usual: number, maximum: number) => ({
  default: usual,
  minimum: 0,
  maximum,
  unit: '',
  description: '',
})
const language: Language = {
  id: 'python',
  name: 'Python',
  version: '3.11.2',
  file_name: 'main.py',
  template: 'print(1)',
  limits: { wall_seconds: range(10, 30), cpu_seconds: range(10, 300) },
}
const SIZE = { rows: 30, cols: 100 }
const program = (change: Partial<Program>): Program => ({ ...template(language), ...change })

test('a program gets a terminal of the size that is shown, unless its input is given beforehand', () => {
  expect(submission(language, program({}), SIZE)).toMatchObject({ tty: SIZE })
  expect(submission(language, program({ input: 'lines' }), SIZE)).toMatchObject({ interactive: true })
  const given = submission(language, program({ input: 'text', stdin: 'x' }), SIZE)
  expect(given).toMatchObject({ stdin: 'x' })
  expect(given).not.toHaveProperty('tty')
})

test('a conversation may last as long as the server allows, but takes no more processor time than any run', () => {
  expect(limitsInForce(language, program({}))).toEqual({ wall_seconds: 30, cpu_seconds: 10 })
  expect(limitsInForce(language, program({ input: 'text' }))).toEqual({ wall_seconds: 10, cpu_seconds: 10 })
  expect(limitsInForce(language, program({ limits: { wall_seconds: 3 } }))).toMatchObject({ wall_seconds: 3 })
})

test('each test is sent with what it has of its own, and its number where it has no name', () => {
  const tests = [
    { name: '', stdin: '1', args: '', expected: '', wallSeconds: null },
    { name: 'large', stdin: '', args: "-v 'two words'", expected: '2', wallSeconds: 3 },
  ]

  const sent = testSubmission(language, program({ tests }))

  expect(sent.tests).toEqual([
    { name: '1', stdin: '1' },
    {
      name: 'large',
      stdin: '',
      args: ['-v', 'two words'],
      expected_output: '2',
      limits: { wall_seconds: 3 },
    },
  ])
  expect(sent).not.toHaveProperty('tty')
  expect(sent).not.toHaveProperty('artifacts')
})
