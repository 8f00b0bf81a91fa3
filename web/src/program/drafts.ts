/** Drafts: one program for each language, stored in this browser. */
import * as v from 'valibot'
import { readStored, removeStored, writeStored } from '../storage'
import { Program } from './program'

const draftKey = (languageId: string) => `draft.${languageId}`

export function readDraft(languageId: string): Program | null {
  return readStored(draftKey(languageId), Program)
}

export function writeDraft(languageId: string, program: Program): boolean {
  return writeStored(draftKey(languageId), program)
}

export function removeDraft(languageId: string): void {
  removeStored(draftKey(languageId))
}

/** Returns the id of the language that was selected last. */
export function readSelectedLanguage(): string | null {
  return readStored('language', v.string())
}

export function writeSelectedLanguage(languageId: string): void {
  writeStored('language', languageId)
}
