/** The state of a run, and its reducer. */
import type { Connection } from '../api/jobStream'
import type { QueueState } from '../api/jobs'
import type { Result } from '../api/streamEvents'
import type { Input } from '../program/program'
import type { RunContext } from './runContext'

/** The meaning of a status text, shown as its colour. */
export type Tone = 'quiet' | 'busy' | 'good' | 'bad' | 'warn'

export interface StatusText {
  tone: Tone
  text: string
}

export type RunState =
  | { phase: 'idle' }
  | { phase: 'submitting'; input: Input }
  | { phase: 'withdrawn' }
  | Unfinished<'queued', QueueState>
  | Unfinished<'compiling'>
  | Unfinished<'running', { attempt: number }>
  | ({ phase: 'finished' } & Job & Summary)
  | { phase: 'failed'; error: Error; job: Job | null }

/** A submitted job. `isResumed` is true if it was submitted before the page was loaded. */
interface Job {
  jobId: string
  context: RunContext
  isResumed: boolean
}

/** `outcome` describes the result. `truncation` describes the output that is missing, or is null. */
interface Summary {
  result: Result
  outcome: StatusText
  truncation: string | null
}

type Unfinished<Phase extends string, More = unknown> = {
  phase: Phase
  connection: Connection
  isStopping: boolean
} & Job &
  More

export type UnfinishedRun = Extract<RunState, { connection: Connection }>

export type RunAction =
  | { type: 'submitted'; input: Input }
  | { type: 'withdrawn' }
  | ({ type: 'accepted' } & Job)
  | ({ type: 'queue' } & QueueState)
  | { type: 'started'; attempt: number }
  | { type: 'phase'; phase: string }
  | { type: 'connection'; connection: Connection }
  | { type: 'stopping' }
  | ({ type: 'finished' } & Summary)
  | { type: 'failed'; error: Error }
  | { type: 'cleared' }

export const IDLE: RunState = { phase: 'idle' }

/** Whether a program is being submitted or executed, and can be stopped. */
export function isActive(run: RunState): boolean {
  return run.phase === 'submitting' || isUnfinished(run)
}

/** Whether the server has accepted the job and has not reported its result. */
export function isUnfinished(run: RunState): run is UnfinishedRun {
  return 'connection' in run
}

/** Returns the context of the job, or null if there is no job. */
export function runContext(run: RunState): RunContext | null {
  return jobOf(run)?.context ?? null
}

/** How the active run gets its standard input; null if no run is active. */
export function activeInput(run: RunState): Input | null {
  if (run.phase === 'submitting') return run.input
  return isUnfinished(run) ? run.context.input : null
}

export function nextRunState(run: RunState, action: RunAction): RunState {
  switch (action.type) {
    case 'submitted':
      return { phase: 'submitting', input: action.input }
    case 'withdrawn':
      return run.phase === 'submitting' ? { phase: 'withdrawn' } : run
    case 'accepted': {
      const { type: _, ...job } = action
      return {
        phase: 'queued',
        connection: { state: 'connecting' },
        isStopping: false,
        position: null,
        reason: null,
        ...job,
      }
    }
    case 'failed':
      return { phase: 'failed', error: action.error, job: jobOf(run) }
    case 'cleared':
      return IDLE
    default:
      // A late action does not change a finished run.
      return isUnfinished(run) ? nextUnfinished(run, action) : run
  }
}

function nextUnfinished(run: UnfinishedRun, action: RunAction): RunState {
  const { connection, isStopping, jobId, context, isResumed } = run
  const job = { jobId, context, isResumed }
  switch (action.type) {
    case 'queue':
      return run.phase === 'queued' ? { ...run, position: action.position, reason: action.reason } : run
    case 'started':
      return { phase: 'running', connection, isStopping, attempt: action.attempt, ...job }
    case 'phase':
      return { ...run, phase: action.phase === 'compile' ? 'compiling' : 'running' } as RunState
    case 'connection':
      return { ...run, connection: action.connection }
    case 'stopping':
      return { ...run, isStopping: true }
    case 'finished': {
      const { type: _, ...summary } = action
      return { phase: 'finished', ...job, ...summary }
    }
    default:
      return run
  }
}

function jobOf(run: RunState): Job | null {
  if (run.phase === 'failed') return run.job
  return 'jobId' in run ? run : null
}
