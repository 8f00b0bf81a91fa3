/** Sends typed keys to the program: key by key to its terminal, or line by line to its pipe. */
import { runController } from '../run/runController'
import { noteTerminalKey } from '../run/runFocus'
import { activeInput, isUnfinished } from '../run/runState'
import { useStore } from '../store'
import type { LineEditor } from './lineEditor'
import type { TerminalScreen } from './terminalScreen'

// A terminal answers queries of the program about its type and its cursor position.
// biome-ignore lint/suspicious/noControlCharactersInRegex: matches escape sequences
const TERMINAL_REPLY = /^\x1b(\[[?>]?[\d;]*(?:[cnR]|\$y)|P)/

export interface KeyboardInput {
  /** Discards an unfinished line. */
  reset(): void
}

export function listenToKeyboard({ terminal, write }: TerminalScreen): KeyboardInput {
  let hasTyped = false
  let lineEditor: Promise<LineEditor> | null = null
  const getRun = () => useStore.getState().run

  async function loadLineEditor(): Promise<LineEditor> {
    const { createLineEditor } = await import('./lineEditor')
    return createLineEditor(write, (message) => runController.send(message), interrupt)
  }

  function interrupt(): void {
    if (getRun().phase === 'running') runController.send({ type: 'signal', name: 'INT' })
    else runController.stop()
  }

  function onData(data: string): void {
    const run = getRun()
    const input = activeInput(run)
    if (input === 'lines') {
      lineEditor ??= loadLineEditor()
      void lineEditor.then((editor) => editor.type(data))
      return
    }
    // After a reload, the terminal answers the queries in the repeated output again.
    const isRepeatedReply = isUnfinished(run) && run.isResumed && !hasTyped && TERMINAL_REPLY.test(data)
    if (input === 'terminal' && !isRepeatedReply) runController.send({ type: 'stdin', data })
  }

  function hasProgramTerminal(): boolean {
    return activeInput(getRun()) === 'terminal'
  }

  terminal.onData(onData)
  terminal.onBinary((data) => {
    if (hasProgramTerminal()) runController.send({ type: 'stdin', data: btoa(data), encoding: 'base64' })
  })
  // Returning false leaves the key to the browser.
  terminal.attachCustomKeyEventHandler((event) => {
    hasTyped = true
    noteTerminalKey(event)
    if (isPageShortcut(event)) return false
    if (isControl(event, 'v')) return false // paste
    if (!isControl(event, 'c')) return true
    if (terminal.hasSelection()) return false // copy
    if (hasProgramTerminal() && getRun().phase === 'running') return true
    if (event.type === 'keydown') interrupt()
    return false
  })
  return {
    reset() {
      lineEditor = null
    },
  }
}

function isPageShortcut(event: KeyboardEvent): boolean {
  const isCommand = event.ctrlKey || event.metaKey
  return ['F1', 'F6'].includes(event.key) || (isCommand && ['Enter', '.'].includes(event.key))
}

function isControl(event: KeyboardEvent, key: string): boolean {
  return event.ctrlKey && !event.shiftKey && !event.altKey && event.key.toLowerCase() === key
}
