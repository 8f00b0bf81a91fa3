/** The state of the editor page, in one store. Components read it with useStore, other code with useStore.getState. */
import { create } from 'zustand'
import type { Language } from './api/languages'
import type { DialogName } from './dialogs/dialogButtons'
import { readDraft, readSelectedLanguage } from './program/drafts'
import { findLanguage, readCachedLanguages } from './program/languages'
import { newProgram, type Program } from './program/program'
import type { Diagnostic, SourceLocation } from './program/sourceLocation'
import { IDLE, type RunState, type StatusText } from './run/runState'
import type { RunOptionsTab } from './runOptions/runOptionsTab'

export type PaneName = 'code' | 'output'
export type OutputTab = 'terminal' | 'tests'

/** Identifies a program that was shown: a replaced program has another revision. */
export interface ProgramKey {
  languageId: string
  revision: number
}

/** A message with actions. `durationMs` is null if it stays until the user dismisses it. */
export interface Notice {
  id: string
  tone: StatusText['tone']
  text: string
  actions: { text: string; run(): void }[]
  durationMs: number | null
}

/** A program of a share link. It is shown instead of the draft of its language until the user edits, keeps or closes it. */
export interface SharedProgram {
  languageId: string
  program: Program
}

export interface State {
  /** Never empty. */
  languages: Language[]
  /** Why the languages could not be fetched. */
  languagesError: Error | null
  /** Whether `languages` are those of the server, and not those of the last visit. */
  areLanguagesFetched: boolean
  /** The id of the selected language; null before the first selection. */
  languageId: string | null
  /** The edited programs by language id. A language without a draft shows its template. */
  drafts: Readonly<Record<string, Program>>
  shared: SharedProgram | null
  /** Increases when a whole program is replaced, so that the undo history of the editor starts again. */
  revision: number
  /** Increases when another tab has changed the program. */
  followedEdits: number
  /** The index of the open file. */
  openFile: number
  /** The location that the editor shows next; a new object for each request. */
  target: SourceLocation | null
  run: RunState
  /** The program whose output the log contains. The output is shown only beside it. */
  outputOwner: ProgramKey | null
  /** Whether the terminal does not show the start of the output: its scrollback is limited. */
  isOutputHidden: boolean
  /** The errors and warnings in the output of the last run. */
  diagnostics: Diagnostic[]
  /** The pane that a narrow screen shows. */
  pane: PaneName
  outputTab: OutputTab
  /** The open panel of the run options. */
  runOptionsTab: RunOptionsTab | null
  dialog: DialogName | null
  notices: Notice[]
}

export const useStore = create<State>(() => {
  const languages = readCachedLanguages()
  const languageId = readSelectedLanguage()
  return {
    languages,
    languagesError: null,
    areLanguagesFetched: false,
    languageId,
    drafts: withStoredDraft({}, findLanguage(languages, languageId).id),
    shared: null,
    revision: 0,
    followedEdits: 0,
    openFile: 0,
    target: null,
    run: IDLE,
    outputOwner: null,
    isOutputHidden: false,
    diagnostics: [],
    pane: 'code',
    outputTab: 'terminal',
    runOptionsTab: null,
    dialog: null,
    notices: [],
  }
})

export function currentLanguage({ languages, languageId }: State): Language {
  return findLanguage(languages, languageId)
}

/** The program that is shown: a shared one, the draft of the selected language, or its template. */
export function currentProgram(state: State): Program {
  const language = currentLanguage(state)
  if (state.shared?.languageId === language.id) return state.shared.program
  return state.drafts[language.id] ?? templateProgram(language)
}

export function currentProgramKey(state: State): ProgramKey {
  return { languageId: currentLanguage(state).id, revision: state.revision }
}

/** Whether the output of the last run belongs to the program that is shown. */
export function isOutputShown(state: State): boolean {
  const { outputOwner, revision } = state
  if (outputOwner === null || state.run.phase === 'idle') return true
  return outputOwner.languageId === currentLanguage(state).id && outputOwner.revision === revision
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
