/** Tests of a program: what each is given, and what it is expected to write. */
import * as v from 'valibot'

export const MOST_CASES = 100

export const Case = v.object({
  /** Empty: its number. */
  name: v.string(),
  stdin: v.string(),
  /** As on a command line. */
  args: v.string(),
  /** Empty: nothing is compared. */
  expected: v.string(),
  wallSeconds: v.optional(v.nullable(v.number()), null),
})

export type Case = v.InferOutput<typeof Case>

export const EMPTY_CASE: Case = { name: '', stdin: '', args: '', expected: '', wallSeconds: null }

/** What a test is called in the results. */
export function nameOf(test: Case, index: number): string {
  return test.name || String(index + 1)
}
