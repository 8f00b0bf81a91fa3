/** Notices: short messages above the status bar, each with actions such as "Undo". */
import { type Notice, useStore } from '../store'

/** Shows a notice. It replaces an earlier one with the same id. */
export function showNotice(notice: Notice): void {
  useStore.setState(({ notices }) => ({ notices: [...notices.filter(({ id }) => id !== notice.id), notice] }))
}

export function dismissNotice(id: string): void {
  useStore.setState(({ notices }) => ({ notices: notices.filter((notice) => notice.id !== id) }))
}

/** How long an action can be undone. */
const UNDO_MS = 10_000

let undoCount = 0

/** Reports something that was removed, and offers to restore it. */
export function offerUndo(text: string, undo: () => void): void {
  undoCount += 1
  showNotice({
    id: `undo-${undoCount}`,
    tone: 'quiet',
    text,
    actions: [{ text: 'Undo', run: undo }],
    durationMs: UNDO_MS,
  })
}
