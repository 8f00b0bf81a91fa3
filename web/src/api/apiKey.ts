/** The API key that requests use. settings/apiKeyStorage.ts changes it. */
import * as v from 'valibot'
import { readStored } from '../storage'

export const API_KEY_STORAGE_KEY = 'apiKey'

/** Name of the window event that reports a change of the key. */
export const API_KEY_CHANGED = 'pyxec-key'

/** Returns null in the page for frames: a page that embeds it must not run anything in the name of the visitor. */
export function readApiKey(): string | null {
  if (globalThis.location?.pathname.startsWith('/embed')) return null
  return readStored(API_KEY_STORAGE_KEY, v.string(), 'tab') ?? readStored(API_KEY_STORAGE_KEY, v.string())
}
