import { expect, test } from 'vitest'
import { newProgram, type Program } from '../../src/program/program'
import { createContext, createSubmission } from '../../src/run/submission'
import { LANGUAGE } from '../fixtures'

const SIZE = { rows: 30, cols: 100 }
const request = (mode: 'program' | 'tests', change: Partial<Program>) => ({
  mode,
  language: LANGUAGE,
  program: { ...newProgram(LANGUAGE), ...change },
})

test('createSubmission requests a terminal of the size of the page', () => {
  expect(createSubmission(request('program', {}), SIZE)).toMatchObject({ tty: SIZE })
})

test('createSubmission requests interactive pipes for line input', () => {
  expect(createSubmission(request('program', { input: 'lines' }), SIZE)).toMatchObject({ interactive: true })
})

test('createSubmission sends a given input without a terminal', () => {
  const submission = createSubmission(request('program', { input: 'text', stdin: 'x' }), SIZE)

  expect(submission).toMatchObject({ stdin: 'x' })
  expect(submission).not.toHaveProperty('tty')
})

test('createSubmission sends only the own fields of each test, and its number as its default name', () => {
  const tests = [
    { name: '', stdin: '1', args: '', expected: '', wallSeconds: null },
    { name: 'large', stdin: '', args: "-v 'two words'", expected: '2', wallSeconds: 3 },
  ]

  const submission = createSubmission(request('tests', { tests }), SIZE)

  expect(submission.tests).toEqual([
    { name: '1', stdin: '1' },
    {
      name: 'large',
      stdin: '',
      args: ['-v', 'two words'],
      expected_output: '2',
      limits: { wall_seconds: 3 },
    },
  ])
  expect(submission).not.toHaveProperty('tty')
  expect(submission).not.toHaveProperty('artifacts')
})

test('createContext contains the tests only if they run', () => {
  const tests = [{ name: 'a', stdin: '', args: '', expected: '', wallSeconds: null }]

  expect(createContext(request('program', { tests }))).toMatchObject({ input: 'terminal', tests: [] })
  expect(createContext(request('tests', { tests }))).toMatchObject({ input: 'text', tests })
})
