/** The last runs with their programs and outputs, stored in this browser. */
import * as v from 'valibot'
import { Program } from '../program/program'
import { readStored, removeStored, writeStored } from '../storage'

const STORAGE_KEY = 'history'
const MAX_RUNS = 10
const MAX_OUTPUT_CHARACTERS = 64 * 1024

const PastRun = v.object({
  /** Unix time in milliseconds. */
  at: v.number(),
  language: v.string(),
  languageName: v.string(),
  program: Program,
  /** The status text of its result. */
  ending: v.string(),
  tone: v.picklist(['quiet', 'busy', 'good', 'bad', 'warn']),
  output: v.string(),
})

export type PastRun = v.InferOutput<typeof PastRun>

/** Returns the stored runs, newest first. */
export function readHistory(): PastRun[] {
  return readStored(STORAGE_KEY, v.array(PastRun)) ?? []
}

/** Adds a run with the end of its output. Removes the oldest runs if there are too many or if the storage is full. */
export function addToHistory(run: PastRun): void {
  const entry = { ...run, output: run.output.slice(-MAX_OUTPUT_CHARACTERS) }
  const runs = [entry, ...readHistory()].slice(0, MAX_RUNS)
  while (runs.length > 0 && !writeStored(STORAGE_KEY, runs)) runs.pop()
}

/** Stores runs again that were cleared. */
export function restoreHistory(runs: PastRun[]): void {
  writeStored(STORAGE_KEY, [...readHistory(), ...runs].slice(0, MAX_RUNS))
}

export function clearHistory(): void {
  removeStored(STORAGE_KEY)
}
