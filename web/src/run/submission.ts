/** Creates the API request for a program or its tests, and the context that the page keeps. */

import type { Submission, TerminalSize, TestRequest } from '../api/jobs'
import type { Language } from '../api/languages'
import { splitArguments } from '../program/arguments'
import { effectiveLimits, interactiveLimits } from '../program/limits'
import type { Program } from '../program/program'
import { type TestCase, testName } from '../program/testCase'
import type { RunContext } from './runContext'

/** What the user runs: a program, or its tests. */
export interface RunRequest {
  mode: 'program' | 'tests'
  language: Language
  program: Program
}

export function createContext({ mode, language, program }: RunRequest): RunContext {
  const input = mode === 'tests' ? 'text' : program.input
  return {
    language: language.id,
    input,
    files: program.files.map(({ name }) => name),
    limits: effectiveLimits(language, { ...program, input }),
    tests: mode === 'tests' ? program.tests : [],
  }
}

/** `size` is that of the page's terminal. */
export function createSubmission({ mode, language, program }: RunRequest, size: TerminalSize): Submission {
  if (mode === 'tests') {
    return { ...commonFields(language, program, {}), tests: program.tests.map(testRequest) }
  }
  const artifacts = splitArguments(program.artifacts)
  return {
    ...commonFields(language, program, interactiveLimits(language, program.input)),
    ...(artifacts.length > 0 && { artifacts }),
    ...inputFields(program, size),
  }
}

function commonFields(language: Language, program: Program, defaults: Record<string, number>): Submission {
  const args = splitArguments(program.args)
  const limits = { ...defaults, ...program.limits }
  return {
    language: language.id,
    files: program.files,
    ...(args.length > 0 && { args }),
    ...(Object.keys(limits).length > 0 && { limits }),
  }
}

function inputFields({ input, stdin }: Program, size: TerminalSize): Partial<Submission> {
  switch (input) {
    case 'terminal':
      return { tty: size }
    case 'lines':
      return { interactive: true }
    case 'text':
      return { stdin }
  }
}

function testRequest(test: TestCase, index: number): TestRequest {
  const args = splitArguments(test.args)
  return {
    name: testName(test, index),
    stdin: test.stdin,
    ...(args.length > 0 && { args }),
    ...(test.expected !== '' && { expected_output: test.expected }),
    ...(test.wallSeconds !== null && { limits: { wall_seconds: test.wallSeconds } }),
  }
}
