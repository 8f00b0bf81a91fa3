/** The tests of a program, as they are edited and stored. */
import * as v from 'valibot'

/** The limit of the API for the tests of one job. */
export const MAX_TESTS = 100

export const TestCase = v.object({
  /** Empty: the test is named after its number. */
  name: v.string(),
  stdin: v.string(),
  /** A command line, see arguments.ts. */
  args: v.string(),
  /** Empty: the output is not compared. */
  expected: v.string(),
  /** Null: the time limit of the program. */
  wallSeconds: v.optional(v.nullable(v.number()), null),
})

export type TestCase = v.InferOutput<typeof TestCase>

export const EMPTY_TEST: TestCase = { name: '', stdin: '', args: '', expected: '', wallSeconds: null }

/** The name of a test in the job and in its result. */
export function testName(test: TestCase, index: number): string {
  return test.name || String(index + 1)
}
