/** The text of the status bar for each state of a run, and for each error of the API. */
import { readApiKey } from '../api/apiKey'
import { RequestRejected, ServerUnreachable } from '../api/errors'
import type { LimitRange } from '../api/languages'
import type { Program } from '../program/program'
import { describeField } from './fieldErrors'
import type { RunState, StatusText, UnfinishedRun } from './runState'

/** `program` and `limits`, the ranges of its language, are used in messages about an invalid field. */
export function statusText(run: RunState, program: Program, limits: Record<string, LimitRange>): StatusText {
  switch (run.phase) {
    case 'idle':
      return { tone: 'quiet', text: 'Ready' }
    case 'submitting':
      return { tone: 'busy', text: 'Submitting…' }
    case 'withdrawn':
      return { tone: 'quiet', text: 'Stopped by you' }
    case 'failed':
      return { tone: 'bad', text: errorText(run.error, program, limits) }
    case 'finished':
      return run.outcome
    default:
      return run.connection.state === 'waiting'
        ? { tone: 'warn', text: reconnectingText(run.connection.retryMs) }
        : progress(run)
  }
}

function progress(run: UnfinishedRun): StatusText {
  if (run.isStopping) return { tone: 'busy', text: 'Stopping…' }
  if (run.phase === 'queued' && run.reason !== null) return { tone: 'warn', text: waitingText(run.reason) }
  return { tone: 'busy', text: progressText(run) }
}

function progressText(run: UnfinishedRun): string {
  switch (run.phase) {
    case 'queued':
      return queueText(run.position)
    case 'compiling':
      return 'Compiling…'
    case 'running':
      return run.attempt > 1
        ? `Running again: attempt ${run.attempt}, the previous worker was lost`
        : 'Running…'
  }
}

/** Describes the `waiting_reason` of a queued job. */
function waitingText(reason: string): string {
  switch (reason) {
    case 'queue-paused':
      return 'Queued: an operator has paused the queue'
    case 'no-worker':
      return 'Queued: no worker is available'
    case 'image-missing':
      return 'Queued: no worker has the image of this language'
    case 'engine-not-answering':
      return 'Queued: all workers are paused, because the engine does not answer'
    case 'engine-unsupported':
      return 'Queued: all workers are paused, because the engine does not meet the requirements'
    case 'launches-fail':
      return 'Queued: all workers are paused, because no sandbox can be started'
    default:
      return `Queued: no worker can run the program (${reason})`
  }
}

function queueText(position: number | null): string {
  if (position === null || position === 0) return 'Queued: waiting for a worker…'
  return position === 1 ? 'Queued: 1 program is ahead' : `Queued: ${position} programs are ahead`
}

function reconnectingText(retryMs: number): string {
  const seconds = Math.max(1, Math.round(retryMs / 1000))
  return `Connection lost. Reconnecting in ${seconds} s. The program keeps running.`
}

/** Whether the user has to enter another API key. */
export function requiresApiKey(error: Error): boolean {
  return error instanceof RequestRejected && error.problem.status === 401
}

/** Describes an error of the API, and what the user can do. */
export function errorText(
  error: Error,
  program: Program | null = null,
  limits: Record<string, LimitRange> = {},
): string {
  if (error instanceof RequestRejected) return rejectionText(error, program, limits)
  if (!(error instanceof ServerUnreachable))
    return `Unexpected error in this page: ${error.message}. Reload the page: your program is saved in this browser.`
  return navigator.onLine
    ? 'The server does not respond. Your program is saved in this browser. Try again in a moment.'
    : 'You are offline. Your program is saved in this browser. Run it when you are online again.'
}

function rejectionText(
  { problem, retryAfterSeconds }: RequestRejected,
  program: Program | null,
  limits: Record<string, LimitRange>,
): string {
  const delay = retryAfterSeconds === null ? 'in a moment' : `in ${retryAfterSeconds} s`
  switch (problem.status) {
    case 401:
      return readApiKey() === null
        ? 'This server requires an API key. Enter yours.'
        : 'The API key is not valid. Enter another one.'
    case 403:
      return 'The API key does not permit this. Use another key, or ask the operator of this server.'
    case 404:
      return 'The server no longer has this run. Run the program again.'
    case 413:
      return 'The program and its input are too large for this server. Remove files, or shorten the input.'
    case 422:
      return `Not accepted: ${invalidFieldText(problem.field ?? '', problem.detail || problem.title, program, limits)}.`
    case 429:
      return problem.type.endsWith('/too-many-jobs')
        ? 'Too many of your programs are running or waiting. Stop one of them, or wait until one has finished.'
        : `Too many requests. Try again ${delay}.`
    case 503:
      return problem.type.endsWith('/queue-full')
        ? `The queue is full. The program was not submitted. Try again ${delay}.`
        : `The server cannot run programs at the moment. Try again ${delay}.`
    default:
      return `The server could not do this: ${problem.title} (HTTP ${problem.status}). Try again ${delay}.`
  }
}

/** Names the field as the page does, if the page has it. */
function invalidFieldText(
  field: string,
  detail: string,
  program: Program | null,
  limits: Record<string, LimitRange>,
): string {
  const error = program && describeField(field, detail, program, limits)
  return error?.text ?? (field === '' || detail.startsWith(field) ? detail : `${field}: ${detail}`)
}
