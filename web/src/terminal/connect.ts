/** Joins a screen with a run, both ways. */
import type { Mention } from '../run/findings'
import type { Chunk } from '../run/output'
import { listenToKeys } from './keyboard'
import type { TerminalProperties } from './TerminalPane'
import type { Link, Screen } from './xterm'

const STDERR = ['\x1b[31m', '\x1b[39m'] as const
const NOTICE = ['\x1b[2;3m', '\x1b[0m\n'] as const
// A pane that is dragged has a new size with every frame; the program is told the one that stays.
const SETTLED_MS = 100

/** `properties` gives those of the moment. Returns how to part them again. */
export function connect(
  screen: Screen,
  parent: HTMLElement,
  properties: () => TerminalProperties,
): () => void {
  const { run } = properties()
  const keyboard = listenToKeys(screen, run)
  const stopListening = run.output.listen((change) => {
    if (change !== 'cleared') return screen.write(shown(change))
    keyboard.reset()
    screen.clear()
  })
  const stopTelling = tellSize(screen, (size) => run.resize(size))
  const stopResizing = fillParent(screen, parent)
  // The few who click on a traceback do so after it was written: there is time to load what finds the places.
  void import('../run/findings').then(({ mentions }) => {
    screen.setLinks((text) =>
      mentions(text, run.context?.files ?? []).map((one) => linkOf(one, properties())),
    )
  })
  return () => {
    stopListening()
    stopResizing()
    stopTelling()
    screen.dispose()
  }
}

function tellSize({ terminal }: Screen, tell: (size: { rows: number; cols: number }) => void): () => void {
  let timer: ReturnType<typeof setTimeout>
  terminal.onResize(({ rows, cols }) => {
    clearTimeout(timer)
    timer = setTimeout(tell, SETTLED_MS, { rows, cols })
  })
  return () => clearTimeout(timer)
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

function shown({ stream, text }: Chunk): string {
  if (stream === 'terminal') return text
  const lines = text.replace(/\r?\n/g, '\r\n')
  if (stream === 'stdout') return lines
  const [before, after] = stream === 'stderr' ? STDERR : NOTICE
  return before + lines + after
}
