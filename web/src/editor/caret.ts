/** The caret of the text area, which Monaco takes over when it replaces the text area. */

/** `start` and `end` of the selection are offsets into the text. */
export interface CaretState {
  start: number
  end: number
  scrollTop: number
}

let saved: CaretState | null = null

/** Saves the caret if the text area has the focus. After the text area is removed, the focus is lost. */
export function saveCaret(area: HTMLTextAreaElement): void {
  const { selectionStart, selectionEnd, scrollTop } = area
  saved = document.activeElement === area ? { start: selectionStart, end: selectionEnd, scrollTop } : null
}

/** Returns the saved caret once. */
export function takeCaret(): CaretState | null {
  const caret = saved
  saved = null
  return caret
}
