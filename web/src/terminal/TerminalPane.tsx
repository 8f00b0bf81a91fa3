import { useEffect, useRef } from 'react'
import type { Place } from '../editor/place'
import type { RunController } from '../run/controller'
import { isActive, type RunState } from '../run/state'
import type { Scheme } from '../settings/theme'
import { connect } from './connect'
import type { Screen } from './xterm'

export interface TerminalProperties {
  run: RunController
  state: RunState
  scheme: Scheme
  fontSize: number
  onPlace(place: Place): void
}

/** Shows a run's output and takes what is typed for the program. */
export function TerminalPane(properties: TerminalProperties) {
  const { state, scheme, fontSize } = properties
  const box = useRef<HTMLDivElement>(null)
  const screen = useRef<Screen | null>(null)
  const latest = useRef(properties)
  latest.current = properties
  const isRunning = isActive(state)

  useEffect(() => {
    const parent = box.current
    if (!parent) return
    let part = () => {}
    let isGone = false
    void Promise.all([import('./xterm'), fontReady()]).then(([{ openScreen }]) => {
      if (isGone) return
      const opened = openScreen(parent, latest.current.fontSize)
      screen.current = opened
      part = connect(opened, parent, () => latest.current)
    })
    return () => {
      isGone = true
      screen.current = null
      part()
    }
  }, [])

  useEffect(() => screen.current?.recolour(), [scheme])
  useEffect(() => screen.current?.setFontSize(fontSize), [fontSize])
  useEffect(() => {
    if (!isRunning) screen.current?.tidyUp()
  }, [isRunning])

  // biome-ignore lint/a11y/useSemanticElements: a fieldset is for forms
  return <div className="terminal" ref={box} role="group" aria-label="Terminal" />
}

/** The terminal measures its font once: it has to be there first. */
async function fontReady(): Promise<void> {
  await document.fonts.load('14px "Geist Mono Variable"').catch(() => [])
}
