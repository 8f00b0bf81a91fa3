import { Icon } from '../layout/Icon'

interface Properties {
  isActive: boolean
  isStopping: boolean
  onRun(): void
  onStop(): void
}

/** Run, and while a program runs, Stop: the same button in the same place, so that the focus stays on it. */
export function RunButton({ isActive, isStopping, onRun, onStop }: Properties) {
  const name = isActive ? 'Stop' : 'Run'
  return (
    <button
      type="button"
      className={`button run ${isActive ? 'stop' : ''}`}
      disabled={isStopping}
      title={isActive ? 'Stop the program' : 'Run the program (Ctrl+Enter)'}
      onClick={isActive ? onStop : onRun}
    >
      <Icon name={isActive ? 'stop' : 'run'} />
      {name}
    </button>
  )
}
