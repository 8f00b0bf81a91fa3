import { type KeyboardEvent, type PointerEvent, useRef } from 'react'

interface Properties {
  /** The share of the first pane in per cent. */
  share: number
  label: string
  onShare(share: number): void
}

const MIN_SHARE = 20
const MAX_SHARE = 80
const STEP = 2

/** The border between two panes. Dragging and the arrow keys move it; a double click centres it. */
export default function Splitter({ share, label, onShare }: Properties) {
  const bar = useRef<HTMLDivElement>(null)
  const move = (value: number) => onShare(Math.min(MAX_SHARE, Math.max(MIN_SHARE, value)))

  const drag = (event: PointerEvent) => {
    const bounds = bar.current?.parentElement?.getBoundingClientRect()
    if (!bounds || !bar.current?.hasPointerCapture(event.pointerId)) return
    move(((event.clientX - bounds.left) / bounds.width) * 100)
  }
  const onKeyDown = (event: KeyboardEvent) => {
    const targets: Record<string, number> = {
      ArrowLeft: share - STEP,
      ArrowRight: share + STEP,
      Home: MIN_SHARE,
      End: MAX_SHARE,
    }
    const target = targets[event.key]
    if (target === undefined) return
    event.preventDefault()
    move(target)
  }
  return (
    // biome-ignore lint/a11y/useSemanticElements: this is the window splitter pattern of WAI-ARIA, and <hr> cannot be moved
    <div
      ref={bar}
      className="splitter vertical"
      role="separator"
      tabIndex={0}
      aria-label={label}
      aria-orientation="vertical"
      aria-valuenow={Math.round(share)}
      aria-valuemin={MIN_SHARE}
      aria-valuemax={MAX_SHARE}
      onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
      onPointerMove={drag}
      onDoubleClick={() => move(50)}
      onKeyDown={onKeyDown}
    />
  )
}
