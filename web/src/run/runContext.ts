/** What the page must know about the job of this tab. It is stored, so that a reload resumes the run. */
import * as v from 'valibot'
import { INPUTS } from '../program/program'
import { TestCase } from '../program/testCase'
import { readStored, removeStored, writeStored } from '../storage'

const STORAGE_KEY = 'run'

const RunContext = v.object({
  language: v.string(),
  input: v.picklist(INPUTS),
  /** The tests of the job; empty if the program was run without tests. */
  tests: v.optional(v.array(TestCase), []),
  /** The names of its files, to find source locations in its output. */
  files: v.array(v.string()),
  /** The limits that apply, by name. */
  limits: v.record(v.string(), v.number()),
})
const StoredRun = v.object({ jobId: v.string(), context: RunContext })

export type RunContext = v.InferOutput<typeof RunContext>
export type StoredRun = v.InferOutput<typeof StoredRun>

export function storeRun(run: StoredRun): void {
  writeStored(STORAGE_KEY, run, 'tab')
}

export function readStoredRun(): StoredRun | null {
  return readStored(STORAGE_KEY, StoredRun, 'tab')
}

export function removeStoredRun(): void {
  removeStored(STORAGE_KEY, 'tab')
}
