/** Changes of the edited programs and of the language list in the store. */
import { API_KEY_CHANGED } from '../api/apiKey'
import { fetchLanguages } from '../api/languages'
import type { PastRun } from '../history/history'
import { currentLanguage, currentProgram, useStore, withStoredDraft } from '../store'
import { removeDraft, writeDraft, writeSelectedLanguage } from './drafts'
import { cacheLanguages, findLanguage } from './languages'
import type { Program } from './program'
import type { SourceLocation } from './sourceLocation'

const FETCH_RETRY_MS = 2000
const SAVE_DELAY_MS = 250

const { getState, setState, subscribe } = useStore

/** Changes the program that is shown. */
export function editProgram(change: (program: Program) => Program): void {
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

/** Replaces the program of a language and shows it. The history keeps the draft that it replaces. */
export function replaceProgram(languageId: string, program: Program): void {
  addDraftToHistory(languageId)
  openLanguage(languageId)
  setState(({ drafts, revision }) => ({
    drafts: { ...drafts, [languageId]: program },
    revision: revision + 1,
  }))
}

/** Replaces the program that is shown by the template of its language. */
export function resetProgram(): void {
  const { id } = currentLanguage(getState())
  addDraftToHistory(id)
  removeDraft(id)
  setState(({ drafts, revision }) => {
    const { [id]: _, ...others } = drafts
    return { drafts: others, revision: revision + 1, openFile: 0, target: null }
  })
}

/** Shows a location of the program in the editor. A file that no longer exists is ignored. */
export function openLocation(target: SourceLocation): void {
  const openFile = currentProgram(getState()).files.findIndex(({ name }) => name === target.file)
  if (openFile !== -1) setState({ pane: 'code', openFile, target })
}

/** Fetches the languages until the server returns some, and again when the API key changes. */
export function watchLanguages(): void {
  let timer: ReturnType<typeof setTimeout>
  const fetchOnce = () => {
    clearTimeout(timer)
    fetchLanguages().then(
      (languages) => {
        // The list is empty until a worker has reported its languages.
        if (languages.length === 0) return retry()
        cacheLanguages(languages)
        setState(({ languageId, drafts }) => ({
          languages,
          languagesError: null,
          drafts: withStoredDraft(drafts, findLanguage(languages, languageId).id),
        }))
      },
      (languagesError: Error) => {
        setState({ languagesError })
        retry()
      },
    )
  }
  const retry = () => {
    timer = setTimeout(fetchOnce, FETCH_RETRY_MS)
  }
  addEventListener(API_KEY_CHANGED, fetchOnce)
  fetchOnce()
}

/** Stores changed drafts shortly after the last change, and at once when the page is hidden. */
export function persistDrafts(): void {
  let stored = getState().drafts
  let timer: ReturnType<typeof setTimeout>
  const store = () => {
    const { drafts } = getState()
    for (const [id, program] of Object.entries(drafts)) {
      if (stored[id] !== program) writeDraft(id, program)
    }
    stored = drafts
  }
  subscribe(({ drafts }, before) => {
    if (drafts === before.drafts) return
    clearTimeout(timer)
    timer = setTimeout(store, SAVE_DELAY_MS)
  })
  addEventListener('pagehide', store)
  document.addEventListener('visibilitychange', store)
}

function addDraftToHistory(languageId: string): void {
  const { drafts, languages } = getState()
  const program = withStoredDraft(drafts, languageId)[languageId]
  if (program === undefined) return
  const languageName = languages.find(({ id }) => id === languageId)?.name ?? languageId
  const entry: PastRun = {
    at: Date.now(),
    language: languageId,
    languageName,
    program,
    ending: 'Replaced, not run',
    tone: 'quiet',
    output: '',
  }
  void import('../history/history').then(({ addToHistory }) => addToHistory(entry))
}
