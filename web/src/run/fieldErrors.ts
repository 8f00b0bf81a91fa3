/** The field of the page that a rejected request names, and the message for the user. */
import { RequestRejected } from '../api/errors'
import type { LimitRange } from '../api/languages'
import { formatBytes } from '../format'
import { isLimitName, LIMIT_LABELS, limitError } from '../program/limits'
import type { LimitName, Program } from '../program/program'
import { testName } from '../program/testCase'
import type { RunOptionsTab } from '../runOptions/runOptionsTab'
import type { RunState } from './runState'

/** Where an error is shown. */
export type FieldTarget =
  /** `index` is null if the error belongs to all files together. */
  | { kind: 'file'; index: number | null }
  | { kind: 'test'; index: number }
  | { kind: 'limit'; name: LimitName }
  | { kind: 'option'; tab: RunOptionsTab }

export interface FieldError {
  target: FieldTarget
  /** A sentence without a full stop. */
  text: string
}

const INVALID_REQUEST = 422
const OPTIONS: Record<string, { tab: RunOptionsTab; label: string }> = {
  args: { tab: 'arguments', label: 'The arguments' },
  stdin: { tab: 'input', label: 'The text for standard input' },
  artifacts: { tab: 'artifacts', label: 'The artifact patterns' },
}

/** Returns the error of a failed run that belongs to a field, or null. */
export function fieldError(
  run: RunState,
  program: Program,
  limits: Record<string, LimitRange>,
): FieldError | null {
  if (run.phase !== 'failed' || !(run.error instanceof RequestRejected)) return null
  const { status, field, detail, title } = run.error.problem
  if (status !== INVALID_REQUEST || !field) return null
  return describeField(field, detail || title, program, limits)
}

/** `field` is a path such as `files[0].name`, and `detail` is a predicate such as "must not be empty". */
export function describeField(
  field: string,
  detail: string,
  program: Program,
  limits: Record<string, LimitRange>,
): FieldError | null {
  const [, root = '', position = '', rest = ''] = /^(\w+)(?:\[(\d+)\])?\.?(.*)$/.exec(field) ?? []
  const index = Number(position)
  const predicate = detail.startsWith(`${field}: `) ? detail.slice(field.length + 2) : detail
  switch (root) {
    case 'files':
      if (position === '') return { target: { kind: 'file', index: null }, text: allFilesText(predicate) }
      return {
        target: { kind: 'file', index },
        text: `${filePart(rest)} of the file "${program.files[index]?.name ?? ''}" ${predicate}`,
      }
    case 'tests': {
      const test = program.tests[index]
      const name = test ? testName(test, index) : String(index + 1)
      return { target: { kind: 'test', index }, text: `${testPart(rest)} of test ${name} ${predicate}` }
    }
    case 'limits':
      return limitFieldError(rest, predicate, limits)
    default: {
      const option = OPTIONS[root]
      return option
        ? { target: { kind: 'option', tab: option.tab }, text: `${option.label} ${predicate}` }
        : null
    }
  }
}

/** Without the ranges of the language, the text is that of the server. */
function limitFieldError(
  name: string,
  predicate: string,
  limits: Record<string, LimitRange>,
): FieldError | null {
  if (!isLimitName(name)) return null
  const range = limits[name]
  return {
    target: { kind: 'limit', name },
    text: range ? limitError(name, range) : `${LIMIT_LABELS[name]} ${predicate}`,
  }
}

/** `predicate` is such as "must be at most 8388608 bytes together". */
function allFilesText(predicate: string): string {
  const inUnits = predicate.replace(/\b(\d+) bytes\b/, (_, bytes) => formatBytes(Number(bytes)))
  return `The files ${inUnits}. Remove or shorten files`
}

function filePart(rest: string): string {
  return rest === 'content' ? 'The content' : 'The name'
}

function testPart(rest: string): string {
  if (rest.startsWith('args')) return 'The arguments'
  if (rest.startsWith('limits')) return 'The time limit'
  return { stdin: 'The input', expected_output: 'The expected output' }[rest] ?? 'The name'
}
