import { useCallback, useEffect, useRef, useState } from 'react'
import * as api from '../api/client'
import type { Language } from '../api/schema'
import { forgetDraft, readDraft, readLastLanguage, writeDraft, writeLastLanguage } from './drafts'
import { type Program, template } from './program'

const SAVE_AFTER_MS = 250
const ASK_AGAIN_MS = 2000
const PREFERRED = 'python'

export interface Workspace {
  /** Null until the server has said what can be run. */
  languages: Language[] | null
  error: Error | null
  language: Language | null
  program: Program | null
  /** Counts how often a whole program was put in place of the one before, which no undo history may reach across. */
  revision: number
  choose(languageId: string): void
  edit(change: (program: Program) => Program): void
  replace(languageId: string, program: Program): void
  /** Back to the language's template. */
  startOver(): void
}

/** The program of each language: switching between them loses no edit, nor does a reload. */
export function useWorkspace(): Workspace {
  const { languages, error } = useLanguages()
  const [languageId, setLanguageId] = useState<string | null>(readLastLanguage)
  const [programs, setPrograms] = useState<Record<string, Program>>({})
  const [revision, setRevision] = useState(0)
  const language = languages?.find(({ id }) => id === languageId) ?? preferred(languages)
  const program = language ? (programs[language.id] ?? readDraft(language.id) ?? template(language)) : null
  useSaved(language?.id ?? null, programs)

  const choose = useCallback((id: string) => {
    setLanguageId(id)
    writeLastLanguage(id)
  }, [])

  const replace = useCallback(
    (id: string, next: Program) => {
      choose(id)
      setPrograms((all) => ({ ...all, [id]: next }))
      setRevision((count) => count + 1)
    },
    [choose],
  )

  const edit = (change: (program: Program) => Program) => {
    if (!language || !program) return
    setPrograms((all) => ({ ...all, [language.id]: change(all[language.id] ?? program) }))
  }

  const startOver = () => {
    if (!language) return
    forgetDraft(language.id)
    replace(language.id, template(language))
  }

  return { languages, error, language, program, revision, choose, edit, replace, startOver }
}

function preferred(languages: Language[] | null): Language | null {
  return languages?.find(({ id }) => id === PREFERRED) ?? languages?.[0] ?? null
}

/** Asks until there is an answer: the page may be open before the server is up, and a worker tells its languages late. */
function useLanguages(): { languages: Language[] | null; error: Error | null } {
  const [languages, setLanguages] = useState<Language[] | null>(null)
  const [error, setError] = useState<Error | null>(null)
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout>
    const ask = () => {
      api.languages().then(
        (found) => {
          setError(null)
          if (found.length > 0) setLanguages(found)
          else timer = setTimeout(ask, ASK_AGAIN_MS)
        },
        (failure: Error) => {
          setError(failure)
          timer = setTimeout(ask, ASK_AGAIN_MS)
        },
      )
    }
    ask()
    return () => clearTimeout(timer)
  }, [])
  return { languages, error }
}

/** Writes what has changed shortly after the last key, and at once when the page goes. */
function useSaved(languageId: string | null, programs: Record<string, Program>): void {
  const program = languageId ? programs[languageId] : undefined
  const save = useRef(() => {})
  save.current = () => {
    if (languageId && program) writeDraft(languageId, program)
  }
  useEffect(() => {
    if (!program) return
    const timer = setTimeout(() => save.current(), SAVE_AFTER_MS)
    // Another language, or another key: what was pending is written under its own name, or written again soon.
    return () => clearTimeout(timer)
  }, [program])
  useEffect(() => {
    const now = () => save.current()
    addEventListener('pagehide', now)
    document.addEventListener('visibilitychange', now)
    return () => {
      removeEventListener('pagehide', now)
      document.removeEventListener('visibilitychange', now)
    }
  }, [])
}
