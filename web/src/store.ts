/** The state of the editor page, in one store. Components read it with useStore, other code with useStore.getState. */
import { create } from 'zustand'
import type { Language } from './api/languages'
import type { DialogName } from './dialogs/dialogButtons'
import { readDraft, readSelectedLanguage } from './program/drafts'
import { findLanguage, readCachedLanguages } from './program/languages'
import { newProgram, type Program } from './program/program'
import type { Diagnostic, SourceLocation } from './program/sourceLocation'
import { IDLE, type RunState } from './run/runState'

export type PaneName = 'code' | 'output'
export type OutputTab = 'terminal' | 'tests'

export interface State {
  /** Never empty. */
  languages: Language[]
  /** Why the languages could not be fetched. */
  languagesError: Error | null
  /** The id of the selected language; null before the first selection. */
  languageId: string | null
  /** The edited programs by language id. A language without a draft shows its template. */
  drafts: Readonly<Record<string, Program>>
  /** Increases when a whole program is replaced, so that the undo history of the editor starts again. */
  revision: number
  /** The index of the open file. */
  openFile: number
  /** The location that the editor shows next; a new object for each request. */
  target: SourceLocation | null
  run: RunState
  /** The errors and warnings in the output of the last run. */
  diagnostics: Diagnostic[]
  /** The pane that a narrow screen shows. */
  pane: PaneName
  outputTab: OutputTab
  dialog: DialogName | null
}

export const useStore = create<State>(() => {
  const languages = readCachedLanguages()
  const languageId = readSelectedLanguage()
  return {
    languages,
    languagesError: null,
    languageId,
    drafts: withStoredDraft({}, findLanguage(languages, languageId).id),
    revision: 0,
    openFile: 0,
    target: null,
    run: IDLE,
    diagnostics: [],
    pane: 'code',
    outputTab: 'terminal',
    dialog: null,
  }
})

export function currentLanguage({ languages, languageId }: State): Language {
  return findLanguage(languages, languageId)
}

/** The program that is shown: the draft of the selected language, or its template. */
export function currentProgram(state: State): Program {
  const language = currentLanguage(state)
  return state.drafts[language.id] ?? templateProgram(language)
}

/** Adds the stored draft of a language, unless there already is a draft. */
export function withStoredDraft(drafts: State['drafts'], languageId: string): State['drafts'] {
  const stored = drafts[languageId] ? null : readDraft(languageId)
  return stored ? { ...drafts, [languageId]: stored } : drafts
}

const templates = new WeakMap<Language, Program>()

/** Selectors must return the same object for the same state. */
function templateProgram(language: Language): Program {
  const program = templates.get(language) ?? newProgram(language)
  templates.set(language, program)
  return program
}
