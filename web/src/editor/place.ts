/** A place in a program, both numbers from 1. */
export interface Place {
  file: string
  line: number
  column: number
}

/** Something that a compiler or an interpreter said about a place. */
export interface Finding extends Place {
  severity: 'error' | 'warning'
  message: string
}

/** Where the caret was when the plain text area made way for Monaco; both are offsets into the text. */
export interface Handover {
  start: number
  end: number
  scrollTop: number
}

let left: Handover | null = null

/** Called by the text area as it goes: once it has left the page nobody can tell that it had the focus. */
export function leaveHandover(area: HTMLTextAreaElement): void {
  const { selectionStart, selectionEnd, scrollTop } = area
  left = document.activeElement === area ? { start: selectionStart, end: selectionEnd, scrollTop } : null
}

/** What was left, once. */
export function takeHandover(): Handover | null {
  const taken = left
  left = null
  return taken
}
