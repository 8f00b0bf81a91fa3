/** The browser's storage, made never to throw: it may be full, forbidden, or hold what another version wrote. */
import * as v from 'valibot'

const PREFIX = 'pyxec.'

/** `kept` outlives the browser, `tab` only a reload. */
export type Place = 'kept' | 'tab'

/** The value as the schema wants it, or null. */
export function readStored<Schema extends v.GenericSchema>(
  key: string,
  schema: Schema,
  place: Place = 'kept',
): v.InferOutput<Schema> | null {
  try {
    const parsed = v.safeParse(schema, JSON.parse(storage(place).getItem(PREFIX + key) ?? 'null'))
    return parsed.success ? parsed.output : null
  } catch {
    return null
  }
}

/** Whether it could be written. */
export function writeStored(key: string, value: unknown, place: Place = 'kept'): boolean {
  try {
    storage(place).setItem(PREFIX + key, JSON.stringify(value))
    return true
  } catch {
    return false
  }
}

export function removeStored(key: string, place: Place = 'kept'): void {
  try {
    storage(place).removeItem(PREFIX + key)
  } catch {
    // Then there was nothing to remove either.
  }
}

function storage(place: Place): Storage {
  return place === 'kept' ? localStorage : sessionStorage
}
