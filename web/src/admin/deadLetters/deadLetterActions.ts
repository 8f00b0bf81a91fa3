/** The actions on a dead letter, with their texts. */
import { RequestRejected } from '../../api/errors'
import { dropDeadLetter, replayDeadLetter } from '../api/requests'
import type { DeadLetter } from '../api/schema'
import { describeError } from '../live/requestError'

export type ActionName = 'replay' | 'drop'

interface Action {
  label: string
  question: string
  consequence: string
  success: string
  isDestructive: boolean
  execute(deadLetter: DeadLetter): Promise<void>
}

export const ACTIONS: Record<ActionName, Action> = {
  replay: {
    label: 'Replay',
    question: 'Replay this dead letter?',
    consequence:
      'The message is queued again. A job starts again: its current result and output are deleted.',
    success: 'The dead letter was replayed. Its message is in the queue again.',
    isDestructive: false,
    execute: replayDeadLetter,
  },
  drop: {
    label: 'Drop',
    question: 'Drop this dead letter?',
    consequence:
      'The dead letter is deleted and cannot be replayed. The result of its job is kept. You can undo it for 10 s.',
    success: 'The dead letter was dropped.',
    isDestructive: true,
    execute: dropDeadLetter,
  },
}

export function actionErrorText(error: unknown): string {
  if (error instanceof RequestRejected && error.problem.status === 404)
    return 'This dead letter no longer exists.'
  return `The action failed. ${describeError(error).text}`
}
