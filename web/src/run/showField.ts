/** Shows the field that a rejected request names. */
import { currentProgram, type State, useStore } from '../store'
import { type FieldTarget, fieldError } from './fieldErrors'
import type { RunState } from './runState'

/** Opens the field of a rejected request, so that the user sees the message. */
export function showField(run: RunState): void {
  const error = fieldError(run, currentProgram(useStore.getState()), {})
  if (error) useStore.setState(openField(error.target))
}

function openField(target: FieldTarget): Partial<State> {
  switch (target.kind) {
    case 'file':
      return { pane: 'code', ...(target.index !== null && { openFile: target.index }) }
    case 'test':
      return { pane: 'output', outputTab: 'tests' }
    case 'limit':
      return { pane: 'code', runOptionsTab: 'limits' }
    case 'option':
      return { pane: 'code', runOptionsTab: target.tab }
  }
}
