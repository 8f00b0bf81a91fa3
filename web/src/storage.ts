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
  try {
    const parsed = v.safeParse(schema, JSON.parse(storage(area).getItem(PREFIX + key) ?? 'null'))
    return parsed.success ? parsed.output : null
  } catch {
    return null
  }
}

/** Returns false if the value could not be stored. */
export function writeStored(key: string, value: unknown, area: StorageArea = 'browser'): boolean {
  try {
    storage(area).setItem(PREFIX + key, JSON.stringify(value))
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

function storage(area: StorageArea): Storage {
  return area === 'browser' ? localStorage : sessionStorage
}
