import { useCallback, useState } from 'react'
import type * as v from 'valibot'
import { readStored, writeStored } from './stored'

/** A setting that survives a reload. */
export function useStored<Schema extends v.GenericSchema>(
  key: string,
  schema: Schema,
  initial: v.InferOutput<Schema>,
): [v.InferOutput<Schema>, (value: v.InferOutput<Schema>) => void] {
  const [value, setValue] = useState(() => readStored(key, schema) ?? initial)
  const store = useCallback(
    (next: v.InferOutput<Schema>) => {
      writeStored(key, next)
      setValue(next)
    },
    [key],
  )
  return [value, store]
}
