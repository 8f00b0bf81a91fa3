import { useLayoutEffect, useRef } from 'react'
import { Icon } from '../components/Icon'
import { runController } from '../run/runController'
import { isActive, isUnfinished } from '../run/runState'
import { useStore } from '../store'

// A click on Stop at the moment when the program ends must not start it again.
const IGNORED_AFTER_END_MS = 400

/** The button that runs the program. While a program runs, the same button stops it, so that it keeps the focus. */
export function RunButton() {
  const run = useStore((state) => state.run)
  const isRunning = isActive(run)
  const endedAt = useRef(Number.NEGATIVE_INFINITY)
  useLayoutEffect(() => {
    if (isRunning)
      return () => {
        endedAt.current = performance.now()
      }
  }, [isRunning])
  const onRun = () => {
    if (performance.now() - endedAt.current > IGNORED_AFTER_END_MS) runController.start('program')
  }
  return (
    <button
      type="button"
      className={`button run ${isRunning ? 'stop' : ''}`}
      disabled={isUnfinished(run) && run.isStopping}
      title={isRunning ? 'Stop the program' : 'Run the program (Ctrl+Enter)'}
      // A click keeps the focus in the editor, which has it again after the run.
      onMouseDown={(event) => event.preventDefault()}
      onClick={isRunning ? () => runController.stop() : onRun}
    >
      <Icon name={isRunning ? 'stop' : 'run'} />
      {isRunning ? 'Stop' : 'Run'}
    </button>
  )
}
