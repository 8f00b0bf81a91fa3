/** Joins a screen with a run, both ways. */
import type { Mention } from '../run/findings'
import type { Chunk } from '../run/output'
import { isFollowed } from '../run/state'
import type { TerminalProperties } from './TerminalPane'
import type { Link, Screen } from './xterm'

const STDERR = ['\x1b[31m', '\x1b[39m'] as const
const NOTICE = ['\x1b[2;3m', '\x1b[0m\n'] as const
const RESIZED_AFTER_MS = 100

/** `properties` gives those of the moment. Returns how to part them again. */
export function connect(
  screen: Screen,
  parent: HTMLElement,
  properties: () => TerminalProperties,
): () => void {
  const { run } = properties()
  const isTty = () => run.context?.isTty ?? false
  const { terminal } = screen

  const stopListening = run.output.listen((change) => {
    if (change === 'cleared') terminal.reset()
    else terminal.write(shown(change, isTty()))
  })
  const stopResizing = watchSize(screen, parent, (size) => {
    properties().onSize(size)
    if (isTty()) run.send({ type: 'resize', ...size })
  })
  terminal.onData((data) => {
    if (isTty() && isFollowed(properties().state)) run.send({ type: 'stdin', data })
  })
  terminal.attachCustomKeyEventHandler((event) => {
    if (belongsToPage(event)) return false
    if (!isInterrupt(event)) return true
    if (terminal.hasSelection()) return false // the browser copies
    if (!isTty() && event.type === 'keydown') run.stop()
    return isTty()
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

function watchSize(
  screen: Screen,
  parent: HTMLElement,
  tell: (size: { rows: number; cols: number }) => void,
) {
  const { terminal } = screen
  let timer: ReturnType<typeof setTimeout>
  const fill = () => {
    if (parent.clientWidth > 0) screen.fit() // else it is hidden behind a tab
  }
  const observer = new ResizeObserver(fill)
  observer.observe(parent)
  const sizes = terminal.onResize(({ rows, cols }) => {
    clearTimeout(timer)
    timer = setTimeout(() => tell({ rows, cols }), RESIZED_AFTER_MS)
  })
  fill()
  tell({ rows: terminal.rows, cols: terminal.cols })
  return () => {
    clearTimeout(timer)
    observer.disconnect()
    sizes.dispose()
  }
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

function shown({ stream, text }: Chunk, isTty: boolean): string {
  // A terminal's program ends its lines itself; in full-screen programs a bare line feed means something else.
  const lines = isTty ? text : text.replace(/\r?\n/g, '\r\n')
  if (stream === 'stdout') return lines
  const [before, after] = stream === 'stderr' ? STDERR : NOTICE
  return before + lines + after
}
