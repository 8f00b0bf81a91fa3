/** What the status line says: one plain sentence for every state, and what to do where there is something to do. */
import { Refused, Unreachable } from '../api/errors'
import type { Connection } from '../api/follow'
import { readKey } from '../api/key'
import type { RunState } from './state'

export type Tone = 'quiet' | 'busy' | 'good' | 'bad' | 'warn'

export interface Sentence {
  tone: Tone
  text: string
}

export function sentenceOf(state: RunState): Sentence {
  switch (state.phase) {
    case 'idle':
      return { tone: 'quiet', text: 'Ready' }
    case 'submitting':
      return { tone: 'busy', text: 'Sending…' }
    case 'failed':
      return { tone: 'bad', text: failure(state.error) }
    case 'finished':
      return state.ending
    default:
      return state.connection.state === 'waiting'
        ? { tone: 'warn', text: reconnecting(state.connection) }
        : { tone: 'busy', text: state.stopping ? 'Stopping…' : progress(state) }
  }
}

function progress(state: Extract<RunState, { phase: 'queued' | 'compiling' | 'running' }>): string {
  switch (state.phase) {
    case 'queued':
      return queue(state.position)
    case 'compiling':
      return 'Compiling…'
    case 'running':
      return state.attempt > 1
        ? `Running again: attempt ${state.attempt}, the last worker was lost`
        : 'Running…'
  }
}

function queue(position: number | null): string {
  if (position === null || position === 0) return 'Waiting for a worker…'
  return position === 1
    ? 'Waiting: 1 program is before yours'
    : `Waiting: ${position} programs are before yours`
}

function reconnecting(connection: Extract<Connection, { state: 'waiting' }>): string {
  const pause = Math.max(1, Math.round(connection.retryMs / 1000))
  return `Connection lost; trying again in ${pause} s. The program runs on.`
}

/** Whether another key would help. */
export function needsKey(error: Error): boolean {
  return error instanceof Refused && error.problem.status === 401
}

/** Why a program was not taken on, or is not followed any more, and what can be done. */
export function failure(error: Error): string {
  if (error instanceof Unreachable) {
    return navigator.onLine
      ? 'The server does not answer. Your program is kept here; run it again in a moment.'
      : 'You are offline. Your program is kept here; run it when you are back.'
  }
  if (!(error instanceof Refused)) return `Something went wrong in this page: ${error.message}`
  return refusal(error)
}

function refusal({ problem, retryAfterSeconds }: Refused): string {
  const pause = retryAfterSeconds === null ? 'in a moment' : `in ${retryAfterSeconds} s`
  switch (problem.status) {
    case 401:
      return readKey() === null
        ? 'This server runs programs only for those who have a key.'
        : 'This server does not know your key.'
    case 403:
      return 'Your key may not do this.'
    case 404:
      return 'The server no longer knows this run. Run it again.'
    case 413:
      return 'The program and its input are too large for this server.'
    case 422:
      return `Not accepted: ${problem.field ? `${problem.field} ` : ''}${problem.detail || problem.title}`
    case 429:
      return `Too many runs from your network. Try again ${pause}.`
    case 503:
      return problem.type.endsWith('/queue-full')
        ? `The server is full: nothing was queued. Try again ${pause}.`
        : `The server cannot take programs right now. Try again ${pause}.`
    default:
      return `${problem.title} (HTTP ${problem.status})`
  }
}
