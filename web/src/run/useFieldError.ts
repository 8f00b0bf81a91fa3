import { useMemo } from 'react'
import { currentLanguage, currentProgram, useStore } from '../store'
import { type FieldError, fieldError } from './fieldErrors'

/** Returns the error of the last run that belongs to a field of the page, or null. */
export function useFieldError(): FieldError | null {
  const run = useStore((state) => state.run)
  const program = useStore(currentProgram)
  const { limits } = useStore(currentLanguage)
  return useMemo(() => fieldError(run, program, limits), [run, program, limits])
}
