import { useCallback, useEffect, useRef, useState } from 'react'
import type { Language } from '../api/schema'
import type { PastRun } from '../run/history'
import { forgetDraft, readDraft, readLastLanguage, writeDraft, writeLastLanguage } from './drafts'
import { useLanguages } from './languages'
import { type Program, template } from './program'

const SAVE_AFTER_MS = 250
const PREFERRED = 'python'

type Programs = Readonly<Record<string, Program>>

export interface Workspace {
  languages: Language[]
  language: Language
  program: Program
  /** Why the languages are not known for sure. */
  error: Error | null
  /** Counts how often a whole program was put in place of the one before, which no undo history may reach across. */
  revision: number
  choose(languageId: string): void
  edit(change: (program: Program) => Program): void
  /** Puts a whole program in place; what was edited before is kept in the history. */
  replace(languageId: string, program: Program): void
  startOver(): void
  /** Adds the program, as it is now, to the history. */
  keep(why: Pick<PastRun, 'ending' | 'tone' | 'output'>): void
}

/** The program of each language: switching between them loses no edit, nor does a reload. */
export function useWorkspace(): Workspace {
  const { languages, error } = useLanguages()
  const [languageId, setLanguageId] = useState<string | null>(readLastLanguage)
  const [programs, setPrograms] = useState<Programs>({})
  const [revision, setRevision] = useState(0)
  const language = chosen(languages, languageId)
  const program = programs[language.id] ?? readDraft(language.id) ?? template(language)
  const latest = useRef({ language, program, programs })
  latest.current = { language, program, programs }
  useSaved(programs)

  const choose = useCallback((id: string) => {
    setLanguageId(id)
    writeLastLanguage(id)
  }, [])

  const edit = useCallback((change: (program: Program) => Program) => {
    const { language, program } = latest.current
    setPrograms((all) => ({ ...all, [language.id]: change(all[language.id] ?? program) }))
  }, [])

  const keep = useCallback((why: Pick<PastRun, 'ending' | 'tone' | 'output'>) => {
    const { language, program } = latest.current
    const entry = { at: Date.now(), language: language.id, languageName: language.name, program, ...why }
    void import('../run/history').then(({ addToHistory }) => addToHistory(entry))
  }, [])

  const replace = useCallback(
    (id: string, next: Program) => {
      const before = latest.current.programs[id] ?? readDraft(id)
      if (before && id === latest.current.language.id)
        keep({ ending: 'Kept, not run', tone: 'quiet', output: '' })
      choose(id)
      setPrograms((all) => ({ ...all, [id]: next }))
      setRevision((count) => count + 1)
    },
    [choose, keep],
  )

  const startOver = () => {
    replace(language.id, template(language))
    forgetDraft(language.id)
  }

  return { languages, error, language, program, revision, choose, edit, replace, startOver, keep }
}

function chosen(languages: Language[], id: string | null): Language {
  const found = languages.find((one) => one.id === id) ?? languages.find((one) => one.id === PREFERRED)
  return found ?? (languages[0] as Language) // never empty: program/languages.ts
}

/** Writes what has changed shortly after the last key, and at once when the page goes. */
function useSaved(programs: Programs): void {
  const saved = useRef(programs)
  const save = useRef(() => {})
  save.current = () => {
    for (const [id, program] of Object.entries(programs)) {
      if (saved.current[id] !== program) writeDraft(id, program)
    }
    saved.current = programs
  }
  useEffect(() => {
    if (saved.current === programs) return
    const timer = setTimeout(() => save.current(), SAVE_AFTER_MS)
    return () => clearTimeout(timer)
  }, [programs])
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
