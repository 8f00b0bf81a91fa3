/** The keyboard shortcuts of the page. */
import type { DialogName } from '../dialogs/dialogButtons'
import { runController } from '../run/runController'
import { useStore } from '../store'
import { focusNextPane } from './paneFocus'

const isMac = /Mac|iPhone|iPad/.test(navigator.userAgent)

/** The name of the modifier key of the shortcuts. */
export const COMMAND_KEY = isMac ? '⌘' : 'Ctrl'

const DIALOG_KEYS: Record<string, DialogName> = { s: 'programs', o: 'files' }

/** Handles the shortcuts before the editor and the terminal do. */
export function listenToShortcuts(): void {
  const onKeyDown = (event: KeyboardEvent) => {
    const action = document.querySelector('dialog[open]') ? null : shortcutAction(event)
    if (!action) return
    event.preventDefault()
    event.stopPropagation()
    action()
  }
  addEventListener('keydown', onKeyDown, { capture: true })
}

function shortcutAction(event: KeyboardEvent): (() => void) | null {
  const isCommand = (event.ctrlKey || event.metaKey) && !event.altKey
  if (isCommand && event.key === 'Enter')
    return () => runController.start(event.shiftKey ? 'tests' : 'program')
  if (event.shiftKey && event.altKey && event.code === 'KeyF')
    return () => void import('../tools/formatProgram').then(({ formatOpenFile }) => formatOpenFile())
  const dialog = isCommand && !event.shiftKey ? DIALOG_KEYS[event.key.toLowerCase()] : undefined
  // In the terminal, these keys belong to the program, and in an editor with the keys of Vim or Emacs to the editor.
  // Elsewhere, the browser would save or open the page.
  if (dialog && !document.activeElement?.closest('.terminal, .own-keys'))
    return () => useStore.setState({ dialog })
  if (isCommand && event.key === '.') return () => runController.stop()
  if (event.key === 'F6') return () => focusNextPane(event.shiftKey)
  const isInEditor = document.activeElement?.closest('.monaco') != null
  return event.key === 'F1' && !isInEditor ? () => useStore.setState({ dialog: 'shortcuts' }) : null
}
