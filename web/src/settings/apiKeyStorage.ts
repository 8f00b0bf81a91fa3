/** Storage of the API key in this browser or in this tab. The key is never part of a URL. */
import * as v from 'valibot'
import { API_KEY_CHANGED, API_KEY_STORAGE_KEY } from '../api/apiKey'
import { readStored, removeStored, type StorageArea, writeStored } from '../storage'

/** Returns where the key is stored, or null if there is no key. */
export function apiKeyArea(): StorageArea | null {
  const areas = ['tab', 'browser'] as const
  return areas.find((area) => readStored(API_KEY_STORAGE_KEY, v.string(), area)) ?? null
}

/** Replaces the key, and the place where it is stored. */
export function saveApiKey(key: string, area: StorageArea): void {
  clearStorage()
  writeStored(API_KEY_STORAGE_KEY, key, area)
  dispatchEvent(new Event(API_KEY_CHANGED))
}

export function removeApiKey(): void {
  clearStorage()
  dispatchEvent(new Event(API_KEY_CHANGED))
}

/** Returns why a text cannot be an API key, or null. The server checks the key itself. */
export function apiKeyError(text: string): string | null {
  if (text === '') return 'Enter a key.'
  return /^[\x21-\x7e]+$/.test(text) ? null : 'A key contains only ASCII characters and no spaces.'
}

function clearStorage(): void {
  removeStored(API_KEY_STORAGE_KEY, 'tab')
  removeStored(API_KEY_STORAGE_KEY, 'browser')
}
