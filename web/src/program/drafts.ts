/** Drafts: one program for each language, stored in this browser. Tabs share them. */
import * as v from 'valibot'
import {
  parseStored,
  readStored,
  readStoredText,
  removeStored,
  writeStored,
  writeStoredText,
} from '../storage'
import { Program } from './program'

const PREFIX = 'draft.'

/** What this tab has last read or written, by language id. Another text in the storage is an edit of another tab. */
const knownTexts = new Map<string, string | null>()

export type WriteResult = 'stored' | 'full' | 'changed elsewhere'

export function readDraft(languageId: string): Program | null {
  const text = readStoredText(PREFIX + languageId)
  knownTexts.set(languageId, text)
  return parseStored(text, Program)
}

/** Stores a draft, unless another tab has changed it since this tab read it. `overwrite` stores it in any case. */
export function writeDraft(languageId: string, program: Program, overwrite = false): WriteResult {
  const text = JSON.stringify(program)
  const stored = readStoredText(PREFIX + languageId)
  const isKnown = stored === (knownTexts.get(languageId) ?? null) || stored === text
  if (!isKnown && !overwrite) return 'changed elsewhere'
  if (!writeStoredText(PREFIX + languageId, text)) return 'full'
  knownTexts.set(languageId, text)
  return 'stored'
}

/** Whether the storage contains this draft. */
export function isDraftStored(languageId: string, program: Program): boolean {
  return readStoredText(PREFIX + languageId) === JSON.stringify(program)
}

export function removeDraft(languageId: string): void {
  removeStored(PREFIX + languageId)
  knownTexts.set(languageId, null)
}

/** Calls `onChange` with the language id when another tab has changed a draft. Returns a function that stops it. */
export function listenToOtherTabs(onChange: (languageId: string) => void): () => void {
  const onStorage = ({ key }: StorageEvent) => {
    const languageId = key?.startsWith(`pyxec.${PREFIX}`) ? key.slice(`pyxec.${PREFIX}`.length) : null
    if (languageId !== null) onChange(languageId)
  }
  addEventListener('storage', onStorage)
  return () => removeEventListener('storage', onStorage)
}

/** Returns the id of the language that was selected last. */
export function readSelectedLanguage(): string | null {
  return readStored('language', v.string())
}

export function writeSelectedLanguage(languageId: string): void {
  writeStored('language', languageId)
}
