/** Changes of the edited programs in the store. */
import { currentLanguage, currentProgram, type State, useStore, withStoredDraft } from '../store'
import { removeDraft, writeSelectedLanguage } from './drafts'
import { findLanguage } from './languages'
import type { Program } from './program'
import type { SourceLocation } from './sourceLocation'

const { getState, setState } = useStore

/** Changes the program that is shown. A shared program becomes the draft of its language. */
export function editProgram(change: (program: Program) => Program): void {
  if (isSharedProgramShown(getState())) keepSharedProgram()
  setState((state) => {
    const { id } = currentLanguage(state)
    return { drafts: { ...state.drafts, [id]: change(currentProgram(state)) } }
  })
}

/** Shows the program of another language. */
export function openLanguage(languageId: string): void {
  writeSelectedLanguage(languageId)
  setState(({ drafts }) => ({
    languageId,
    drafts: withStoredDraft(drafts, languageId),
    openFile: 0,
    target: null,
  }))
}

/** Replaces the program of a language and shows it. The replaced draft is saved, see savedPrograms.ts. */
export function replaceProgram(languageId: string, program: Program): void {
  preserveDraft(languageId)
  closeSharedProgram()
  openLanguage(languageId)
  setDraft(languageId, program)
}

/** Replaces the program that is shown by the template of its language. */
export function resetProgram(): void {
  const { id } = currentLanguage(getState())
  preserveDraft(id)
  closeSharedProgram()
  removeDraft(id)
  setDraft(id, null)
}

/** Shows a shared program. The drafts do not change. */
export function openSharedProgram(languageId: string, program: Program): void {
  openLanguage(languageId)
  setState(({ revision }) => ({ shared: { languageId, program }, revision: revision + 1, pane: 'code' }))
}

/** Makes the shared program the draft of its language. The previous draft is saved. */
export function keepSharedProgram(): void {
  const { shared } = getState()
  if (!shared) return
  preserveDraft(shared.languageId)
  setState(({ drafts }) => ({ shared: null, drafts: { ...drafts, [shared.languageId]: shared.program } }))
  removeFragment()
}

/** Shows the draft again instead of the shared program. */
export function closeSharedProgram(): void {
  if (!getState().shared) return
  setState(({ revision }) => ({ shared: null, revision: revision + 1, openFile: 0, target: null }))
  removeFragment()
}

/** Whether the program that is shown is a shared one. */
export function isSharedProgramShown(state: State): boolean {
  return state.shared?.languageId === currentLanguage(state).id
}

function removeFragment(): void {
  history.replaceState(null, '', '/')
}

/** Null removes the draft, so that the template is shown. */
function setDraft(languageId: string, program: Program | null): void {
  setState(({ drafts, revision }) => {
    const { [languageId]: _, ...others } = drafts
    return {
      drafts: program ? { ...others, [languageId]: program } : others,
      revision: revision + 1,
      openFile: 0,
      target: null,
    }
  })
}

/** Saves the draft of a language that is about to be replaced, and offers to restore it. */
function preserveDraft(languageId: string): void {
  const { drafts } = getState()
  const draft = withStoredDraft(drafts, languageId)[languageId]
  if (draft === undefined) return
  const name = findLanguage(getState().languages, languageId).name
  void import('./savedPrograms').then(({ preserveProgram }) => preserveProgram(languageId, draft, 'Replaced'))
  void import('../notices/notices').then(({ offerUndo }) =>
    offerUndo(`Your previous ${name} program is saved in Programs.`, () => {
      openLanguage(languageId)
      setDraft(languageId, draft)
    }),
  )
}

/** Shows a location of the program in the editor. A file that no longer exists is ignored. */
export function openLocation(target: SourceLocation): void {
  const openFile = currentProgram(getState()).files.findIndex(({ name }) => name === target.file)
  if (openFile !== -1) setState({ pane: 'code', openFile, target })
}
