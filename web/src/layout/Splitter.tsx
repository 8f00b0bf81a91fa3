import { type KeyboardEvent, type PointerEvent, useRef } from 'react'

interface Properties {
  /** The share of the first pane, in per cent. */
  share: number
  label: string
  onShare(share: number): void
}

const LEAST = 20
const MOST = 80
const STEP = 2

/** The line between two panes: dragged, or moved with the arrow keys. A double click puts it back into the middle. */
export default function Splitter({ share, label, onShare }: Properties) {
  const bar = useRef<HTMLDivElement>(null)
  const move = (value: number) => onShare(Math.min(MOST, Math.max(LEAST, value)))

  const drag = (event: PointerEvent) => {
    const box = bar.current?.parentElement?.getBoundingClientRect()
    if (!box || !bar.current?.hasPointerCapture(event.pointerId)) return
    move(((event.clientX - box.left) / box.width) * 100)
  }
  const press = (event: KeyboardEvent) => {
    const moves: Record<string, number> = {
      ArrowLeft: share - STEP,
      ArrowRight: share + STEP,
      Home: LEAST,
      End: MOST,
    }
    const to = moves[event.key]
    if (to === undefined) return
    event.preventDefault()
    move(to)
  }
  return (
    // biome-ignore lint/a11y/useSemanticElements: a rule cannot be moved; this is the window-splitter pattern
    <div
      ref={bar}
      className="splitter upright"
      role="separator"
      tabIndex={0}
      aria-label={label}
      aria-orientation="vertical"
      aria-valuenow={Math.round(share)}
      aria-valuemin={LEAST}
      aria-valuemax={MOST}
      onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
      onPointerMove={drag}
      onDoubleClick={() => move(50)}
      onKeyDown={press}
    />
  )
}
