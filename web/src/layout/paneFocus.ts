/** F6 moves the focus between the parts of the page: also out of the editor and the terminal, which use the Tab key. */
import { flushSync } from 'react-dom'
import { type PaneName, useStore } from '../store'

/** The parts in their order in the document, each with the elements that get the focus: the first visible one. */
const STOPS = [
  { pane: null, selector: '.top-bar', targets: ['button.run'] },
  {
    pane: 'code',
    selector: '.pane.code',
    // Monaco has a read-only text area besides the element that takes the input.
    targets: ['.editor :is(.native-edit-context, .cm-content, textarea:not([readonly]))'],
  },
  {
    pane: 'output',
    selector: '.pane.output',
    targets: ['.terminal textarea', '.tests .button:enabled', '[role=tab][tabindex="0"]'],
  },
  { pane: null, selector: '.notices', targets: ['button'] },
] as const satisfies { pane: PaneName | null; selector: string; targets: string[] }[]

type Stop = (typeof STOPS)[number]

/** Moves the focus to the next or the previous part, from any element of the page. */
export function focusNextPane(backwards: boolean): void {
  const step = backwards ? -1 : 1
  const start = currentPosition(backwards)
  for (let count = 1; count <= STOPS.length; count += 1) {
    const stop = STOPS[(start + step * count + STOPS.length * 2) % STOPS.length]
    if (stop && focusIn(stop)) return
  }
}

/** Moves the focus into a pane, if it is visible. */
export function focusPane(name: PaneName): void {
  const stop = STOPS.find(({ pane }) => pane === name)
  if (stop) focusTarget(stop)
}

/** The index of the part that has the focus. Between two parts, that of the one before or after it. */
function currentPosition(backwards: boolean): number {
  const focused = document.activeElement
  const elements = STOPS.map(({ selector }) => document.querySelector(selector))
  const containing = elements.findIndex((element) => element?.contains(focused))
  if (containing !== -1) return containing
  if (!focused || focused === document.body) return backwards ? STOPS.length : -1
  const following = elements.findIndex((element) => element && isBefore(focused, element))
  const next = following === -1 ? STOPS.length : following
  return backwards ? next : next - 1
}

function isBefore(element: Element, other: Element): boolean {
  return Boolean(element.compareDocumentPosition(other) & Node.DOCUMENT_POSITION_FOLLOWING)
}

/** On a narrow screen, only one pane is visible. */
function focusIn(stop: Stop): boolean {
  const { pane } = stop
  if (pane && document.querySelector<HTMLElement>(stop.selector)?.hidden) {
    flushSync(() => useStore.setState({ pane }))
  }
  return focusTarget(stop)
}

function focusTarget({ selector, targets }: Stop): boolean {
  const part = document.querySelector(selector)
  const candidates = targets.flatMap((target) => [...(part?.querySelectorAll<HTMLElement>(target) ?? [])])
  const element = candidates.find((candidate) => candidate.checkVisibility())
  element?.focus()
  return element !== undefined && document.activeElement === element
}
