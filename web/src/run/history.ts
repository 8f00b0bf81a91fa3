/** The last runs, with their programs and outputs, in this browser only. */
import * as v from 'valibot'
import { Program } from '../program/program'
import { readStored, removeStored, writeStored } from '../settings/stored'

const KEY = 'history'
const MOST_RUNS = 10
const MOST_OUTPUT_CHARACTERS = 64 * 1024

const PastRun = v.object({
  /** Unix milliseconds. */
  at: v.number(),
  language: v.string(),
  languageName: v.string(),
  program: Program,
  /** How it ended, in words; or why it was kept. */
  ending: v.string(),
  tone: v.picklist(['quiet', 'busy', 'good', 'bad', 'warn']),
  output: v.string(),
})

export type PastRun = v.InferOutput<typeof PastRun>

/** Newest first. */
export function readHistory(): PastRun[] {
  return readStored(KEY, v.array(PastRun)) ?? []
}

/** Adds one. When the browser's storage is full, the oldest ones make room. */
export function addToHistory(run: PastRun): void {
  const entry = { ...run, output: run.output.slice(-MOST_OUTPUT_CHARACTERS) }
  const runs = [entry, ...readHistory()].slice(0, MOST_RUNS)
  while (runs.length > 0 && !writeStored(KEY, runs)) runs.pop()
}

export function forgetHistory(): void {
  removeStored(KEY)
}
