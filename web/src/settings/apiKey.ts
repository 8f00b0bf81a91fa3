/** Putting an API key in and taking it out again. */
import * as v from 'valibot'
import { KEY, KEY_CHANGED } from '../api/key'
import { type Place, readStored, removeStored, writeStored } from './stored'

/** Where the key is kept; null where there is none. */
export function keyPlace(): Place | null {
  return (['tab', 'kept'] as const).find((place) => readStored(KEY, v.string(), place) !== null) ?? null
}

export function keepKey(key: string, place: Place): void {
  clear()
  writeStored(KEY, key, place)
  dispatchEvent(new Event(KEY_CHANGED))
}

export function forgetKey(): void {
  clear()
  dispatchEvent(new Event(KEY_CHANGED))
}

/** Why this cannot be a key; null when it can. The server has the last word. */
export function whyNotKey(text: string): string | null {
  if (text === '') return 'A key is needed'
  return /^[\x21-\x7e]+$/.test(text) ? null : 'A key has no blanks and no letters beyond ASCII'
}

function clear(): void {
  removeStored(KEY, 'tab')
  removeStored(KEY, 'kept')
}
