/** Drafts: one program a language, kept in this browser only. */
import * as v from 'valibot'
import { readStored, removeStored, writeStored } from '../settings/stored'
import { Program } from './program'

const draftKey = (language: string) => `draft.${language}`

export function readDraft(language: string): Program | null {
  return readStored(draftKey(language), Program)
}

export function writeDraft(language: string, program: Program): boolean {
  return writeStored(draftKey(language), program)
}

export function forgetDraft(language: string): void {
  removeStored(draftKey(language))
}

/** The language that was open last. */
export function readLastLanguage(): string | null {
  return readStored('language', v.string())
}

export function writeLastLanguage(language: string): void {
  writeStored('language', language)
}
