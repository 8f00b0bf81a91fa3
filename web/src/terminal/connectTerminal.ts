/** Connects a terminal with the run: output, typed keys, its size, and links to source locations. */
import type { Chunk } from '../output/outputLog'
import { openLocation } from '../program/programActions'
import { runController } from '../run/runController'
import { runContext } from '../run/runState'
import { useStore } from '../store'
import { listenToKeyboard } from './keyboardInput'
import type { TerminalScreen } from './terminalScreen'

const STDERR_STYLE = ['\x1b[31m', '\x1b[39m'] as const
const NOTICE_STYLE = ['\x1b[2;3m', '\x1b[0m\n'] as const
// While the user drags the border of a pane, the size changes with every frame. The program gets only the last one.
const RESIZE_DELAY_MS = 100

/** Returns a function that disconnects and disposes of the terminal. */
export function connectTerminal(screen: TerminalScreen, parent: HTMLElement): () => void {
  const keyboard = listenToKeyboard(screen)
  const unsubscribe = runController.output.subscribe((change) => {
    if (change !== 'cleared') return screen.write(formatChunk(change))
    keyboard.reset()
    screen.clear()
    useStore.setState({ isOutputHidden: false })
  })
  screen.setOnHidden(() => useStore.setState({ isOutputHidden: true }))
  const stopReporting = reportSize(screen)
  const stopFitting = fitToParent(screen, parent)
  // Links are used after the output is written, so that this module does not delay the terminal.
  void import('../run/diagnostics').then(({ findLocations }) => {
    screen.setLinks((text) => {
      const files = runContext(useStore.getState().run)?.files ?? []
      return findLocations(text, files).map(({ start, end, ...location }) => ({
        start,
        end,
        open: () => openLocation(location),
      }))
    })
  })
  return () => {
    unsubscribe()
    stopFitting()
    stopReporting()
    screen.dispose()
  }
}

function reportSize({ terminal }: TerminalScreen): () => void {
  let timer: ReturnType<typeof setTimeout>
  terminal.onResize(({ rows, cols }) => {
    clearTimeout(timer)
    timer = setTimeout(() => runController.resizeTerminal({ rows, cols }), RESIZE_DELAY_MS)
  })
  return () => clearTimeout(timer)
}

function fitToParent(screen: TerminalScreen, parent: HTMLElement): () => void {
  const fit = () => {
    if (parent.clientWidth > 0) screen.fit() // A hidden tab has no width.
  }
  const observer = new ResizeObserver(fit)
  observer.observe(parent)
  fit()
  return () => observer.disconnect()
}

function formatChunk({ stream, text }: Chunk): string {
  if (stream === 'terminal') return text
  const lines = text.replace(/\r?\n/g, '\r\n')
  if (stream === 'stdout') return lines
  const [before, after] = stream === 'stderr' ? STDERR_STYLE : NOTICE_STYLE
  return before + lines + after
}
