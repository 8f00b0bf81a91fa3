/** The caller's API key, if there is one: in this browser or in this tab only, as was chosen, and never in an address. */
import * as v from 'valibot'
import { readStored } from '../settings/stored'

export const KEY = 'apiKey'
/** What the page hears when another key counts from now on. */
export const KEY_CHANGED = 'pyxec-key'

export function readKey(): string | null {
  return readStored(KEY, v.string(), 'tab') ?? readStored(KEY, v.string())
}
