/** F6 moves the focus between the parts of the page: also out of the editor and the terminal, which use the Tab key. */

/** The parts in order, each with the elements that can have the focus. */
const STOPS = [
  { pane: '.top-bar', target: 'button.run' },
  { pane: '.pane.code', target: '.editor textarea, .editor [contenteditable]' },
  { pane: '.pane.output', target: '.terminal textarea, .tests .button:enabled' },
]

/** Moves the focus to the next or the previous visible part. */
export function focusNextPane(backwards: boolean): void {
  const current = STOPS.findIndex(({ pane }) =>
    document.querySelector(pane)?.contains(document.activeElement),
  )
  const step = backwards ? -1 : 1
  const start = current === -1 && backwards ? STOPS.length : current
  for (let count = 1; count <= STOPS.length; count += 1) {
    const stop = STOPS[(start + step * count + STOPS.length * 2) % STOPS.length]
    if (stop && focusIn(stop)) return
  }
}

function focusIn({ pane, target }: (typeof STOPS)[number]): boolean {
  const candidates = document.querySelector(pane)?.querySelectorAll<HTMLElement>(target) ?? []
  const element = [...candidates].find((candidate) => candidate.checkVisibility())
  if (!element) return false
  element.focus()
  return document.activeElement === element
}
