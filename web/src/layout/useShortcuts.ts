import { useEffect } from 'react'
import { focusNextPane } from './focus'

export interface Shortcuts {
  run(): void
  test(): void
  stop(): void
  help(): void
}

/** The keys of the whole page; heard before the editor and the terminal hear them. */
export function useShortcuts(shortcuts: Shortcuts): void {
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      const action = document.querySelector('dialog[open]') ? null : actionOf(event, shortcuts)
      if (!action) return
      event.preventDefault()
      event.stopPropagation()
      action()
    }
    addEventListener('keydown', press, { capture: true })
    return () => removeEventListener('keydown', press, { capture: true })
  }, [shortcuts])
}

function actionOf(event: KeyboardEvent, shortcuts: Shortcuts): (() => void) | null {
  const isCommand = (event.ctrlKey || event.metaKey) && !event.altKey
  if (isCommand && event.key === 'Enter') return event.shiftKey ? shortcuts.test : shortcuts.run
  if (isCommand && event.key === '.') return shortcuts.stop
  if (event.key === 'F6') return () => focusNextPane(event.shiftKey)
  const isInEditor = document.activeElement?.closest('.monaco') != null
  return event.key === 'F1' && !isInEditor ? shortcuts.help : null
}
