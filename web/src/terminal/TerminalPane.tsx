import { useEffect, useRef, useState } from 'react'
import { LoadError } from '../components/lazyPart'
import { focusPane } from '../layout/paneFocus'
import { restoreFocus } from '../run/runFocus'
import { activeInput, isActive, type RunState } from '../run/runState'
import { useColorScheme, useSettings } from '../settings/settings'
import { useStore } from '../store'
import { connectTerminal } from './connectTerminal'
import type { TerminalScreen } from './terminalScreen'
import './terminal.css'

/** The terminal: it shows the output of the run and sends typed keys to the program. */
export function TerminalPane() {
  const box = useRef<HTMLDivElement>(null)
  const screen = useRef<TerminalScreen | null>(null)
  const [hasFailed, setHasFailed] = useState(false)
  const isRunning = useStore((state) => isActive(state.run))
  const canRead = useStore((state) => canReadTerminal(state.run))
  const fontSize = useSettings((settings) => settings.fontSize)
  const scheme = useColorScheme()

  useEffect(() => {
    const parent = box.current
    if (!parent) return
    let disconnect = () => {}
    let isUnmounted = false
    const open = async () => {
      const [{ openScreen }] = await Promise.all([import('./terminalScreen'), loadFont()])
      if (isUnmounted) return
      screen.current = openScreen(parent, useSettings.getState().fontSize)
      disconnect = connectTerminal(screen.current, parent)
      if (canReadTerminal(useStore.getState().run)) screen.current.terminal.focus()
    }
    open().catch(() => setHasFailed(true))
    return () => {
      isUnmounted = true
      screen.current = null
      disconnect()
    }
  }, [])

  // biome-ignore lint/correctness/useExhaustiveDependencies: the colours of the style sheet depend on the scheme
  useEffect(() => screen.current?.updateColors(), [scheme])
  useEffect(() => screen.current?.setFontSize(fontSize), [fontSize])
  useEffect(() => {
    if (!isRunning) screen.current?.resetModes()
  }, [isRunning])

  useEffect(() => {
    if (!canRead) return
    screen.current?.terminal.focus()
    return () => restoreFocus(() => focusPane('code'))
  }, [canRead])

  if (hasFailed) return <LoadError />
  // biome-ignore lint/a11y/useSemanticElements: a fieldset is for forms
  return <div className="terminal" ref={box} role="group" aria-label="Terminal" />
}

/** On a touch screen, the focus would open the keyboard of the device over the output. */
function canReadTerminal(run: RunState): boolean {
  const input = activeInput(run)
  return input !== null && input !== 'text' && !matchMedia('(pointer: coarse)').matches
}

/** The terminal measures its font only once, when it opens. */
async function loadFont(): Promise<void> {
  await document.fonts.load('14px "Geist Mono Variable"').catch(() => [])
}
