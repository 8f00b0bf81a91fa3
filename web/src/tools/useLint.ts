import { useEffect, useState } from 'react'
import type { Diagnostic } from '../program/sourceLocation'
import { LINTED_LANGUAGES } from './protocol'
import { lint } from './tools'

const DELAY_MS = 600

/** Returns the problems that the linter finds in a file, shortly after the last change. */
export function useLint(languageId: string, fileName: string, text: string): Diagnostic[] {
  const [diagnostics, setDiagnostics] = useState<Diagnostic[]>([])
  // The linter has 3 MB. It is loaded after the first edit.
  const [unedited] = useState(text)
  useEffect(() => {
    if (text === unedited || !LINTED_LANGUAGES.has(languageId)) return
    let isCurrent = true
    const timer = setTimeout(() => {
      lint(languageId, fileName, text).then(
        (messages) =>
          isCurrent && setDiagnostics(messages.map((message) => ({ ...message, file: fileName }))),
        () => {}, // Without the linter, the page works.
      )
    }, DELAY_MS)
    return () => {
      isCurrent = false
      clearTimeout(timer)
      setDiagnostics([])
    }
  }, [languageId, fileName, text, unedited])
  return diagnostics
}
