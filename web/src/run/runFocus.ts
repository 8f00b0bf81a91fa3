/** The focus before a run, which moves to the terminal while the program can read it. */

// The focus must not leave the terminal while the user is typing a line into it.
const TYPING_MS = 1000
const LINE_ENDS = new Set(['Enter', 'c', 'd'])

let wasInEditor = false
let typingUntil = 0

/** Called before a run starts. */
export function saveFocus(): void {
  wasInEditor = isFocusIn('.editor')
}

/** Called for each key in the terminal. */
export function noteTerminalKey({ key, ctrlKey }: KeyboardEvent): void {
  const isLineEnd = LINE_ENDS.has(key) && (key === 'Enter' || ctrlKey)
  typingUntil = isLineEnd ? 0 : performance.now() + TYPING_MS
}

/** Moves the focus from the terminal back to the editor if it was there before the run, as soon as no line is typed. */
export function restoreFocus(focusEditor: () => void): void {
  if (!wasInEditor) return
  const delay = typingUntil - performance.now()
  if (delay > 0) setTimeout(() => restoreFocus(focusEditor), delay)
  else if (isFocusIn('.terminal')) focusEditor()
}

function isFocusIn(selector: string): boolean {
  return document.activeElement?.closest(selector) != null
}
