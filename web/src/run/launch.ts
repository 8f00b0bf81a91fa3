/** What is sent when somebody presses Run, and what is remembered of it. */
import type { Language, Submission, TerminalSize } from '../api/schema'
import { limitsInForce } from '../program/limits'
import type { Program } from '../program/program'
import { submission, testSubmission } from '../program/submission'
import type { RunContext } from './context'

export interface Launch {
  what: 'program' | 'tests'
  language: Language
  program: Program
}

export interface Prepared {
  submission: Submission
  context: RunContext
}

export function prepare({ what, language, program }: Launch, size: TerminalSize): Prepared {
  const isTest = what === 'tests'
  const input = isTest ? 'text' : program.input
  const context = {
    language: language.id,
    input,
    files: program.files.map(({ name }) => name),
    limits: limitsInForce(language, { ...program, input }),
    tests: isTest ? program.tests : [],
  }
  return {
    submission: isTest ? testSubmission(language, program) : submission(language, program, size),
    context,
  }
}
