/** Joins a screen with a run, both ways. */
import type { Mention } from '../run/findings'
import type { Chunk } from '../run/output'
import { isFollowed } from '../run/state'
import { lineMode } from './lineMode'
import type { TerminalProperties } from './TerminalPane'
import type { Link, Screen } from './xterm'

const STDERR = ['\x1b[31m', '\x1b[39m'] as const
const NOTICE = ['\x1b[2;3m', '\x1b[0m\n'] as const

/** `properties` gives those of the moment. Returns how to part them again. */
export function connect(
  screen: Screen,
  parent: HTMLElement,
  properties: () => TerminalProperties,
): () => void {
  const { run } = properties()
  const { terminal } = screen
  const lines = lineMode(
    (text) => terminal.write(text),
    (message) => run.send(message),
    () => run.stop(),
  )

  const stopListening = run.output.listen((change) => {
    if (change !== 'cleared') return terminal.write(shown(change))
    lines.reset()
    terminal.reset()
  })
  const stopResizing = fillParent(screen, parent)
  terminal.onData((data) => {
    if (run.context?.isInteractive && isFollowed(properties().state)) lines.type(data)
  })
  terminal.attachCustomKeyEventHandler((event) => {
    if (belongsToPage(event)) return false
    if (!isInterrupt(event)) return true
    if (terminal.hasSelection()) return false // the browser copies
    if (event.type === 'keydown') run.stop()
    return false
  })
  // The few who click on a traceback do so after it was written: there is time to load what finds the places.
  void import('../run/findings').then(({ mentions }) => {
    screen.setLinks((text) =>
      mentions(text, run.context?.files ?? []).map((one) => linkOf(one, properties())),
    )
  })
  return () => {
    stopListening()
    stopResizing()
    screen.dispose()
  }
}

function fillParent(screen: Screen, parent: HTMLElement): () => void {
  const fill = () => {
    if (parent.clientWidth > 0) screen.fit() // else it is hidden behind a tab
  }
  const observer = new ResizeObserver(fill)
  observer.observe(parent)
  fill()
  return () => observer.disconnect()
}

function linkOf({ start, end, ...place }: Mention, { onPlace }: TerminalProperties): Link {
  return { start, end, follow: () => onPlace(place) }
}

/** Keys that are the page's own even while the terminal has the focus. */
function belongsToPage(event: KeyboardEvent): boolean {
  const isCommand = event.ctrlKey || event.metaKey
  return ['F1', 'F6'].includes(event.key) || (isCommand && ['Enter', '.'].includes(event.key))
}

function isInterrupt(event: KeyboardEvent): boolean {
  return event.ctrlKey && !event.shiftKey && !event.altKey && event.key === 'c'
}

function shown({ stream, text }: Chunk): string {
  const lines = text.replace(/\r?\n/g, '\r\n')
  if (stream === 'stdout') return lines
  const [before, after] = stream === 'stderr' ? STDERR : NOTICE
  return before + lines + after
}
