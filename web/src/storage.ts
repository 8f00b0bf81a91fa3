/** Typed access to the browser's storage. No function throws if storage is full, blocked, or holds invalid data. */
import * as v from 'valibot'

const PREFIX = 'pyxec.'

/** `browser` is localStorage. `tab` is sessionStorage, which survives a reload but not the end of the tab. */
export type StorageArea = 'browser' | 'tab'

/** Returns the stored value, or null if it is missing or does not match the schema. */
export function readStored<Schema extends v.GenericSchema>(
  key: string,
  schema: Schema,
  area: StorageArea = 'browser',
): v.InferOutput<Schema> | null {
  return parseStored(readStoredText(key, area), schema)
}

/** Returns the value of a stored text, or null if it does not match the schema. */
export function parseStored<Schema extends v.GenericSchema>(
  text: string | null,
  schema: Schema,
): v.InferOutput<Schema> | null {
  try {
    const parsed = v.safeParse(schema, JSON.parse(text ?? 'null'))
    return parsed.success ? parsed.output : null
  } catch {
    return null
  }
}

/** Returns the JSON text of a value, or null if it is missing. */
export function readStoredText(key: string, area: StorageArea = 'browser'): string | null {
  try {
    return storage(area).getItem(PREFIX + key)
  } catch {
    return null
  }
}

/** Returns false if the value could not be stored. */
export function writeStored(key: string, value: unknown, area: StorageArea = 'browser'): boolean {
  return writeStoredText(key, JSON.stringify(value), area)
}

export function writeStoredText(key: string, text: string, area: StorageArea = 'browser'): boolean {
  try {
    storage(area).setItem(PREFIX + key, text)
    return true
  } catch {
    return false
  }
}

export function removeStored(key: string, area: StorageArea = 'browser'): void {
  try {
    storage(area).removeItem(PREFIX + key)
  } catch {
    // Without storage, there is nothing to remove.
  }
}

/** Returns the keys in the browser's storage that start with a prefix. */
export function storedKeys(prefix: string): string[] {
  try {
    return Array.from({ length: localStorage.length }, (_, index) => localStorage.key(index) ?? '')
      .filter((key) => key.startsWith(PREFIX + prefix))
      .map((key) => key.slice(PREFIX.length))
  } catch {
    return []
  }
}

function storage(area: StorageArea): Storage {
  return area === 'browser' ? localStorage : sessionStorage
}
