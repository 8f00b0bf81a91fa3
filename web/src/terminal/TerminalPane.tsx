import { useEffect, useRef } from 'react'
import type { Chunk } from '../run/output'
import type { RunController } from '../run/controller'
import type { Scheme } from '../settings/theme'
import type { Screen } from './xterm'

interface Properties {
  run: RunController
  /** Whether keys go to the program. */
  isInteractive: boolean
  isActive: boolean
  /** Whether the program writes to a pseudo-terminal, which ends its lines itself. */
  isTty: boolean
  scheme: Scheme
  fontSize: number
  onSize(size: { rows: number; cols: number }): void
}

const STDERR = ['\x1b[31m', '\x1b[39m'] as const
const NOTICE = ['\x1b[2;3m', '\x1b[0m\n'] as const

/** Shows a run's output and takes what is typed for the program. */
export function TerminalPane(properties: Properties) {
  const { run, scheme, fontSize, isActive } = properties
  const box = useRef<HTMLDivElement>(null)
  const screen = useRef<Screen | null>(null)
  const latest = useRef(properties)
  latest.current = properties

  useEffect(() => {
    const parent = box.current
    if (!parent) return
    let dispose = () => {}
    let isGone = false
    void Promise.all([import('./xterm'), fontsReady()]).then(([{ openScreen }]) => {
      if (isGone) return
      const opened = openScreen(parent, latest.current.fontSize)
      screen.current = opened
      dispose = connect(opened, parent, () => latest.current)
    })
    return () => {
      isGone = true
      screen.current = null
      dispose()
    }
  }, [])

  // biome-ignore lint/correctness/useExhaustiveDependencies: the scheme is what changes the colours
  useEffect(() => screen.current?.recolour(), [scheme])

  useEffect(() => {
    if (!screen.current) return
    screen.current.terminal.options.fontSize = fontSize
    screen.current.fit()
  }, [fontSize])

  useEffect(() => {
    if (!isActive) screen.current?.tidyUp()
  }, [isActive])

  return <div className="terminal" ref={box} role="group" aria-label="Terminal" data-run={run.snapshot().phase} />
}

/** Joins a screen with the run, both ways. Returns how to part them. */
function connect(screen: Screen, parent: HTMLElement, properties: () => Properties): () => void {
  const { terminal } = screen
  const { run } = properties()
  const stopListening = run.output.listen((change) => {
    if (change === 'cleared') terminal.reset()
    else terminal.write(shown(change, properties().isTty))
  })
  const resized = new ResizeObserver(() => {
    if (parent.clientWidth === 0) return // hidden behind a tab
    screen.fit()
  })
  resized.observe(parent)
  terminal.onResize(({ rows, cols }) => properties().onSize({ rows, cols }))
  terminal.onData((data) => {
    const { isInteractive, isTty } = properties()
    if (isInteractive) run.send({ type: 'stdin', data: isTty ? data : data.replaceAll('\r', '\n') })
  })
  terminal.attachCustomKeyEventHandler((event) => !belongsToPage(event))
  properties().onSize({ rows: terminal.rows, cols: terminal.cols })
  return () => {
    stopListening()
    resized.disconnect()
    screen.dispose()
  }
}

/** Keys that are the page's own even while the terminal has the focus. */
function belongsToPage(event: KeyboardEvent): boolean {
  const command = event.ctrlKey || event.metaKey
  return event.key === 'F6' || event.key === 'F1' || (command && event.key === 'Enter')
}

function shown({ stream, text }: Chunk, isTty: boolean): string {
  const lines = isTty ? text : text.replace(/\r?\n/g, '\r\n')
  if (stream === 'stdout') return lines
  const [before, after] = stream === 'stderr' ? STDERR : NOTICE
  return before + lines + after
}

/** The terminal measures its font once: it has to be there first. */
async function fontsReady(): Promise<void> {
  await document.fonts.load('14px "Geist Mono Variable"').catch(() => [])
}
