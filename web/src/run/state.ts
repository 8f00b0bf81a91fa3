/** Where a run is: one value, changed in one place. */

import type { Result } from '../api/events'
import type { Connection } from '../api/follow'
import type { Sentence } from './sentence'

export type RunState =
  | { phase: 'idle' }
  | { phase: 'submitting' }
  | Followed<'queued', { position: number | null }>
  | Followed<'compiling'>
  | Followed<'running', { attempt: number }>
  | ({ phase: 'finished'; jobId: string } & Finish)
  | { phase: 'failed'; error: Error }

/** `ending` is the result in words, `missing` what of the output is not shown. */
type Finish = { result: Result; ending: Sentence; missing: string | null }

type Followed<Name extends string, More = unknown> = {
  phase: Name
  jobId: string
  connection: Connection
  stopping: boolean
} & More

export type RunAction =
  | { type: 'submitted' }
  | { type: 'accepted'; jobId: string }
  | { type: 'position'; position: number | null }
  | { type: 'started'; attempt: number }
  | { type: 'phase'; phase: string }
  | { type: 'connection'; connection: Connection }
  | { type: 'stopping' }
  | ({ type: 'finished' } & Finish)
  | { type: 'failed'; error: Error }
  | { type: 'forgotten' }

export const IDLE: RunState = { phase: 'idle' }

/** Whether a program is on its way or runs: then there is something to stop. */
export function isActive(state: RunState): boolean {
  return state.phase === 'submitting' || isFollowed(state)
}

export function isFollowed(
  state: RunState,
): state is Extract<RunState, { phase: 'queued' | 'compiling' | 'running' }> {
  return state.phase === 'queued' || state.phase === 'compiling' || state.phase === 'running'
}

export function nextState(state: RunState, action: RunAction): RunState {
  switch (action.type) {
    case 'submitted':
      return { phase: 'submitting' }
    case 'accepted':
      return queued(action.jobId)
    case 'failed':
      return { phase: 'failed', error: action.error }
    case 'forgotten':
      return IDLE
    default:
      // What comes late, of a run that is over, changes nothing.
      return isFollowed(state) ? ofFollowed(state, action) : state
  }
}

function ofFollowed(
  state: Extract<RunState, { jobId: string; connection: Connection }>,
  action: RunAction,
): RunState {
  const { jobId, connection, stopping } = state
  switch (action.type) {
    case 'position':
      return state.phase === 'queued' ? { ...state, position: action.position } : state
    case 'started':
      return { phase: 'running', jobId, connection, stopping, attempt: action.attempt }
    case 'phase':
      return { ...state, phase: action.phase === 'compile' ? 'compiling' : 'running' } as RunState
    case 'connection':
      return { ...state, connection: action.connection }
    case 'stopping':
      return { ...state, stopping: true }
    case 'finished':
      return { ...action, phase: 'finished', jobId }
    default:
      return state
  }
}

function queued(jobId: string): RunState {
  return { phase: 'queued', jobId, connection: { state: 'connecting' }, stopping: false, position: null }
}
