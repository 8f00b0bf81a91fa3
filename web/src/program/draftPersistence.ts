/** Stores changed drafts, follows the edits of other tabs, and reports what could not be stored. */
import { dismissNotice, showNotice } from '../notices/notices'
import { currentLanguage, useStore } from '../store'
import { isDraftStored, listenToOtherTabs, readDraft, type WriteResult, writeDraft } from './drafts'
import type { Program } from './program'
import { preserveProgram, reportFullStorage } from './savedPrograms'

const SAVE_DELAY_MS = 250

const { getState, setState, subscribe } = useStore

/** Stores drafts shortly after the last change, and at once when the page is hidden. */
export function persistDrafts(): void {
  const persistence = new DraftPersistence(storedDrafts())
  let timer: ReturnType<typeof setTimeout>
  subscribe(({ drafts }, before) => {
    if (drafts === before.drafts) return
    clearTimeout(timer)
    timer = setTimeout(() => persistence.store(), SAVE_DELAY_MS)
  })
  addEventListener('pagehide', () => persistence.close())
  document.addEventListener('visibilitychange', () => persistence.store())
  listenToOtherTabs((languageId) => persistence.followOtherTab(languageId))
  addEventListener('beforeunload', (event) => {
    persistence.store()
    if (persistence.hasUnstored()) event.preventDefault()
  })
  persistence.store()
}

/** The drafts that have not changed since the page was loaded. */
function storedDrafts(): Readonly<Record<string, Program>> {
  const { drafts } = getState()
  const entries = Object.entries(drafts).filter(([id, program]) => isDraftStored(id, program))
  return Object.fromEntries(entries)
}

/** The drafts that this tab has stored, and those that it could not store. */
export class DraftPersistence {
  private stored: Readonly<Record<string, Program>>
  /** Languages whose draft was changed in two tabs. They are not stored until the user decides. */
  private conflicts = new Set<string>()
  private unstored = new Set<string>()

  constructor(stored: Readonly<Record<string, Program>> = getState().drafts) {
    this.stored = stored
  }

  /** Stores all drafts that have changed. */
  store(): void {
    const { drafts } = getState()
    for (const [languageId, program] of Object.entries(drafts)) {
      const isChanged = this.stored[languageId] !== program || this.unstored.has(languageId)
      if (isChanged && !this.conflicts.has(languageId))
        this.onWritten(languageId, program, writeDraft(languageId, program))
    }
    this.stored = drafts
  }

  hasUnstored(): boolean {
    return this.unstored.size > 0
  }

  /** Called when the page is left: saves the versions of unresolved conflicts. */
  close(): void {
    this.store()
    for (const languageId of this.conflicts) {
      const program = getState().drafts[languageId]
      if (program) preserveProgram(languageId, program, 'Version of another tab')
    }
  }

  /** Shows the edit of another tab, or reports a conflict if this tab has an edit of its own. */
  followOtherTab(languageId: string): void {
    const own = getState().drafts[languageId]
    if (own === undefined && currentLanguage(getState()).id !== languageId) return
    if (this.conflicts.has(languageId)) return
    if (own !== undefined && (this.stored[languageId] !== own || this.unstored.has(languageId))) {
      this.reportConflict(languageId, own)
      return
    }
    this.show(languageId, readDraft(languageId))
  }

  private onWritten(languageId: string, program: Program, result: WriteResult): void {
    if (result === 'changed elsewhere') {
      this.reportConflict(languageId, program)
    } else if (result === 'full') {
      this.unstored.add(languageId)
      reportFullStorage(program, languageId)
    } else {
      if (this.unstored.delete(languageId)) dismissNotice(`storage-${languageId}`)
    }
  }

  private reportConflict(languageId: string, program: Program): void {
    this.conflicts.add(languageId)
    const name = getState().languages.find(({ id }) => id === languageId)?.name ?? languageId
    const own = () => getState().drafts[languageId] ?? program
    showNotice({
      id: `conflict-${languageId}`,
      tone: 'warn',
      text: `Another tab has changed the ${name} program, too. The version that you do not use stays in Programs.`,
      actions: [
        {
          text: 'Use the other version',
          run: () => {
            preserveProgram(languageId, own(), 'Version of this tab')
            this.conflicts.delete(languageId)
            this.show(languageId, readDraft(languageId))
          },
        },
        {
          text: 'Keep this version',
          run: () => {
            const other = readDraft(languageId)
            if (other) preserveProgram(languageId, other, 'Version of another tab')
            this.conflicts.delete(languageId)
            this.onWritten(languageId, own(), writeDraft(languageId, own(), true))
          },
        },
      ],
      durationMs: null,
    })
  }

  /** Shows a stored program, or the template if there is none. */
  private show(languageId: string, program: Program | null): void {
    setState(({ drafts, followedEdits }) => {
      const { [languageId]: _, ...others } = drafts
      return {
        drafts: program ? { ...others, [languageId]: program } : others,
        followedEdits: followedEdits + 1,
      }
    })
    this.stored = getState().drafts
  }
}
