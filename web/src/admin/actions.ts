/** What can be done with a dead letter, in one table. */
import { Refused } from '../api/errors'
import { drop, replay } from './requests'
import type { DeadLetter } from './schema'
import { troubleOf } from './trouble'

export type ActionName = 'replay' | 'drop'

interface Action {
  name: string
  question: string
  consequence: string
  done: string
  isDestructive: boolean
  act(letter: DeadLetter): Promise<void>
}

export const ACTIONS: Record<ActionName, Action> = {
  replay: {
    name: 'Replay',
    question: 'Replay this dead letter?',
    consequence: 'It is queued again. A job begins anew: its result and its output so far are lost.',
    done: 'The dead letter was replayed: it waits in its queue again.',
    isDestructive: false,
    act: replay,
  },
  drop: {
    name: 'Drop',
    question: 'Drop this dead letter?',
    consequence: 'It is deleted for good, and can never be replayed. The result of its job stays.',
    done: 'The dead letter was dropped.',
    isDestructive: true,
    act: drop,
  },
}

/** Why it could not be done. */
export function failureOf(error: unknown): string {
  if (error instanceof Refused && error.problem.status === 404)
    return 'This dead letter is not there any more.'
  return `That did not work. ${troubleOf(error).text}`
}
