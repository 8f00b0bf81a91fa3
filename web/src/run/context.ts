/** What a run was of; kept beside the job's id for as long as the tab lives, so that a reload finds it again. */
import * as v from 'valibot'
import { Case } from '../program/cases'
import { INPUTS } from '../program/program'
import { readStored, removeStored, writeStored } from '../settings/stored'

const KEY = 'run'

const RunContext = v.object({
  language: v.string(),
  input: v.picklist(INPUTS),
  /** The tests it was run for; none when it was just run. */
  tests: v.optional(v.array(Case), []),
  /** Names of its files, for telling places in its output. */
  files: v.array(v.string()),
  /** The limits that were in force. */
  limits: v.record(v.string(), v.number()),
})
const RememberedRun = v.object({ jobId: v.string(), context: RunContext })

export type RunContext = v.InferOutput<typeof RunContext>
export type RememberedRun = v.InferOutput<typeof RememberedRun>

export function rememberRun(run: RememberedRun): void {
  writeStored(KEY, run, 'tab')
}

export function rememberedRun(): RememberedRun | null {
  return readStored(KEY, RememberedRun, 'tab')
}

export function forgetRun(): void {
  removeStored(KEY, 'tab')
}
