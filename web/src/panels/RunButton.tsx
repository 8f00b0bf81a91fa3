import { useLayoutEffect, useRef } from 'react'
import { Icon } from '../layout/Icon'

interface Properties {
  isActive: boolean
  isStopping: boolean
  onRun(): void
  onStop(): void
}

// Who means to stop a program that ends in this moment must not start it again.
const MEANT_FOR_STOP_MS = 400

/** Run, and while a program runs, Stop: the same button in the same place, so that the focus stays on it. */
export function RunButton({ isActive, isStopping, onRun, onStop }: Properties) {
  const endedAt = useRef(Number.NEGATIVE_INFINITY)
  useLayoutEffect(() => {
    if (isActive)
      return () => {
        endedAt.current = performance.now()
      }
  }, [isActive])
  const run = () => {
    if (performance.now() - endedAt.current > MEANT_FOR_STOP_MS) onRun()
  }
  const name = isActive ? 'Stop' : 'Run'
  return (
    <button
      type="button"
      className={`button run ${isActive ? 'stop' : ''}`}
      disabled={isStopping}
      title={isActive ? 'Stop the program' : 'Run the program (Ctrl+Enter)'}
      onClick={isActive ? onStop : run}
    >
      <Icon name={isActive ? 'stop' : 'run'} />
      {name}
    </button>
  )
}
