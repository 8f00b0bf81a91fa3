/** What the status line says: one plain sentence for every state, and what to do where there is something to do. */
import { Refused, Unreachable } from '../api/errors'
import type { Connection } from '../api/follow'
import type { Result } from '../api/schema'
import type { RunState } from './state'
import { bytes, seconds } from './units'

export type Tone = 'quiet' | 'busy' | 'good' | 'bad' | 'warn'

export interface Sentence {
  tone: Tone
  text: string
}

export interface LimitsInForce {
  wall_seconds?: number
  cpu_seconds?: number
  memory_bytes?: number
  output_bytes?: number
}

const SIGNALS: Record<number, string> = {
  2: 'SIGINT, an interrupt',
  4: 'SIGILL, an illegal instruction',
  6: 'SIGABRT: it aborted itself',
  7: 'SIGBUS, a bad memory access',
  8: 'SIGFPE, an arithmetic error such as a division by zero',
  9: 'SIGKILL',
  11: 'SIGSEGV, an invalid memory access',
  13: 'SIGPIPE, a broken pipe',
  15: 'SIGTERM',
}

export function sentenceOf(state: RunState, limits: LimitsInForce): Sentence {
  switch (state.phase) {
    case 'idle':
      return { tone: 'quiet', text: 'Ready' }
    case 'submitting':
      return { tone: 'busy', text: 'Sending…' }
    case 'failed':
      return { tone: 'bad', text: failure(state.error) }
    case 'finished':
      return ending(state.result, limits)
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
      return state.attempt > 1 ? `Running again: attempt ${state.attempt}, the last worker was lost` : 'Running…'
  }
}

function queue(position: number | null): string {
  if (position === null || position === 0) return 'Waiting for a worker…'
  return position === 1 ? 'Waiting: 1 program is before yours' : `Waiting: ${position} programs are before yours`
}

function reconnecting(connection: Extract<Connection, { state: 'waiting' }>): string {
  const pause = Math.max(1, Math.round(connection.retryMs / 1000))
  return `Connection lost; trying again in ${pause} s. The program runs on.`
}

function ending(result: Result, limits: LimitsInForce): Sentence {
  switch (result.outcome) {
    case 'ok':
      return { tone: 'good', text: 'Finished normally' }
    case 'nonzero_exit':
      return { tone: 'bad', text: result.exit_code === null ? capital(result.message) : `Exited with code ${result.exit_code}` }
    case 'signaled':
      return { tone: 'bad', text: `Killed by ${SIGNALS[result.signal ?? 0] ?? `signal ${result.signal}`}` }
    case 'compile_error':
      return { tone: 'bad', text: 'Did not compile' }
    case 'wall_time_limit':
      return { tone: 'warn', text: `Stopped after ${limit(limits.wall_seconds, seconds)}: the time limit` }
    case 'cpu_time_limit':
      return { tone: 'warn', text: `Stopped after ${limit(limits.cpu_seconds, seconds)} of processor time: the limit` }
    case 'memory_limit':
      return { tone: 'warn', text: `Killed: it needed more than ${limit(limits.memory_bytes, bytes)} of memory` }
    case 'output_limit':
      return { tone: 'warn', text: `Stopped: it wrote more than ${limit(limits.output_bytes, bytes)}` }
    case 'cancelled':
      return { tone: 'quiet', text: 'Stopped by you' }
    default:
      return { tone: 'bad', text: `The service failed, not your program: ${result.message}. Run it again.` }
  }
}

function limit(value: number | undefined, shown: (value: number) => string): string {
  return value === undefined ? 'its limit' : shown(value)
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

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}

/** What is missing from the output, in words; null when nothing is. */
export function truncation(result: Result, shownBytes: Record<'stdout' | 'stderr', number>): string | null {
  const cut = (['stdout', 'stderr'] as const).filter((stream) =>
    result.phases.some((phase) => phase[`${stream}_truncated`]),
  )
  if (cut.length === 0) return null
  const total = cut.reduce((sum, stream) => sum + written(result, stream), 0)
  const shown = cut.reduce((sum, stream) => sum + shownBytes[stream], 0)
  const more = total > shown ? ` of the ${bytes(total)} it wrote` : ''
  return `${cut.join(' and ')} cut off: the first ${bytes(shown)}${more} ${cut.length > 1 ? 'are' : 'is'} shown`
}

function written(result: Result, stream: 'stdout' | 'stderr'): number {
  return result.phases.reduce((sum, phase) => sum + phase[`${stream}_bytes`], 0)
}
