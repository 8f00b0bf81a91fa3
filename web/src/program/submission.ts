/** Programs as the API takes them. */
import type { CaseRequest, Language, Submission, TerminalSize } from '../api/schema'
import { splitArguments } from './arguments'
import { type Case, nameOf } from './cases'
import { conversation } from './limits'
import type { Program } from './program'

/** The job that runs a program, on a terminal of this size if it has one. */
export function submission(language: Language, program: Program, size: TerminalSize): Submission {
  const artifacts = splitArguments(program.artifacts)
  return {
    ...common(language, program, conversation(language, program.input)),
    ...(artifacts.length > 0 && { artifacts }),
    ...inputOf(program, size),
  }
}

/** The job that runs a program once for each of its tests. */
export function testSubmission(language: Language, program: Program): Submission {
  return { ...common(language, program, {}), tests: program.tests.map(caseRequest) }
}

function common(language: Language, program: Program, usual: Record<string, number>): Submission {
  const args = splitArguments(program.args)
  const limits = { ...usual, ...program.limits }
  return {
    language: language.id,
    files: program.files,
    ...(args.length > 0 && { args }),
    ...(Object.keys(limits).length > 0 && { limits }),
  }
}

function inputOf({ input, stdin }: Program, size: TerminalSize): Partial<Submission> {
  switch (input) {
    case 'terminal':
      return { tty: size }
    case 'lines':
      return { interactive: true }
    case 'text':
      return { stdin }
  }
}

function caseRequest(test: Case, index: number): CaseRequest {
  const args = splitArguments(test.args)
  return {
    name: nameOf(test, index),
    stdin: test.stdin,
    ...(args.length > 0 && { args }),
    ...(test.expected !== '' && { expected_output: test.expected }),
    ...(test.wallSeconds !== null && { limits: { wall_seconds: test.wallSeconds } }),
  }
}
