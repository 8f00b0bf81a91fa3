/** What is typed into the terminal, and where it goes: to the program's terminal, or line by line into its pipe. */
import type { RunController } from '../run/controller'
import { isFollowed } from '../run/state'
import type { LineMode } from './lineMode'
import type { Screen } from './xterm'

// What a terminal says by itself when a program asks it: its kind, where its cursor is.
// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for
const REPLY = /^\x1b(\[[?>]?[\d;]*(?:[cnR]|\$y)|P)/

export interface Keyboard {
  /** Forgets a line that was begun. */
  reset(): void
}

export function listenToKeys({ terminal, write }: Screen, run: RunController): Keyboard {
  let hasTyped = false
  let lines: Promise<LineMode> | null = null

  async function openLines(): Promise<LineMode> {
    const { lineMode } = await import('./lineMode')
    return lineMode(write, (message) => run.send(message), interrupt)
  }

  function typeLine(data: string): void {
    lines ??= openLines()
    void lines.then((opened) => opened.type(data))
  }

  function interrupt(): void {
    if (run.snapshot().phase === 'running') run.send({ type: 'signal', name: 'INT' })
    else run.stop()
  }

  function take(data: string): void {
    if (!isFollowed(run.snapshot())) return
    if (run.context?.input === 'lines') typeLine(data)
    // Output that is shown once more after a reload asks once more, and was answered the first time.
    else if (run.context?.input === 'terminal' && !(run.isResumed && !hasTyped && REPLY.test(data)))
      run.send({ type: 'stdin', data })
  }

  terminal.onData(take)
  terminal.onBinary((data) => {
    if (run.context?.input === 'terminal') run.send({ type: 'stdin', data: btoa(data), encoding: 'base64' })
  })
  terminal.attachCustomKeyEventHandler((event) => {
    hasTyped = true
    if (belongsToPage(event)) return false
    if (isControl(event, 'v')) return false // the browser pastes
    if (!isControl(event, 'c')) return true
    if (terminal.hasSelection()) return false // the browser copies
    if (run.context?.input === 'terminal' && run.snapshot().phase === 'running') return true
    if (event.type === 'keydown') interrupt()
    return false
  })
  return {
    reset() {
      lines = null
    },
  }
}

/** Keys that are the page's own even while the terminal has the focus. */
function belongsToPage(event: KeyboardEvent): boolean {
  const isCommand = event.ctrlKey || event.metaKey
  return ['F1', 'F6'].includes(event.key) || (isCommand && ['Enter', '.'].includes(event.key))
}

function isControl(event: KeyboardEvent, key: string): boolean {
  return event.ctrlKey && !event.shiftKey && !event.altKey && event.key.toLowerCase() === key
}
