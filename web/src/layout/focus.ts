/** F6 moves between the parts of the page, as it does between the panes of a desktop: also out of the editor and the terminal, where Tab is a key of its own. */

/** The parts in their order: the pane, and what in it takes the focus. */
const STOPS = [
  { pane: '.top-bar', target: 'button.run' },
  { pane: '.pane.code', target: '.editor textarea, .editor [contenteditable]' },
  { pane: '.pane.output', target: '.terminal textarea, .cases .button:enabled' },
]

/** Moves the focus to the next part that can be seen, or backwards. */
export function focusNextPane(backwards: boolean): void {
  const inside = STOPS.findIndex(({ pane }) => document.querySelector(pane)?.contains(document.activeElement))
  const step = backwards ? -1 : 1
  const start = inside === -1 && backwards ? STOPS.length : inside
  for (let count = 1; count <= STOPS.length; count += 1) {
    const stop = STOPS[(start + step * count + STOPS.length * 2) % STOPS.length]
    if (stop && focusIn(stop)) return
  }
}

export function focusPane(name: 'code' | 'output'): void {
  const stop = STOPS.find(({ pane }) => pane === `.pane.${name}`)
  if (stop) focusIn(stop)
}

function focusIn({ pane, target }: (typeof STOPS)[number]): boolean {
  const found = document.querySelector<HTMLElement>(pane)?.querySelectorAll<HTMLElement>(target) ?? []
  const element = [...found].find((one) => one.checkVisibility())
  if (!element) return false
  element.focus()
  return document.activeElement === element
}
