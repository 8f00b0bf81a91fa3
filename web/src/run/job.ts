/** The life of one job: submission, output, result and cancellation. Loaded apart from the page. */
import { RequestRejected } from '../api/errors'
import { type Connection, type JobEvent, openJobStream } from '../api/jobStream'
import type { TerminalSize } from '../api/jobs'
import { cancelJob, fetchQueueState, submitJob } from '../api/jobs'
import type { ClientMessage, Result, StreamName } from '../api/streamEvents'
import type { OutputLog } from '../output/outputLog'
import { outcomeText, truncationText } from './resultText'
import type { RunContext } from './runContext'
import type { RunAction, RunState } from './runState'
import { createContext, createSubmission, type RunRequest } from './submission'

const QUEUE_INTERVAL_MS = 1000
/** A worker that starts, or an engine that restarts, is no reason to show for a shorter time. As in the command line. */
const REASON_DELAY_MS = 5000
const CANCEL_RETRY_MS = 1000
const NOT_FOUND = 404

/** The parts of the run controller that a job needs. */
export interface JobOwner {
  jobId: string
  context: RunContext
  isResumed: boolean
  output: OutputLog
  getState(): RunState
  dispatch(action: RunAction): void
  /** Called if a resumed job has expired on the server. */
  onExpired(): void
}

export interface FollowedJob {
  send(message: ClientMessage): void
  reconnect(): void
  /** Cancels the job. Retries until the server has accepted the cancellation. */
  cancel(): Promise<void>
  /** Stops following the job. The job itself continues. */
  close(): void
}

/** Submits a program or its tests. Returns the id and the context of the job. */
export async function startJob(
  request: RunRequest,
  size: TerminalSize,
): Promise<{ jobId: string; context: RunContext }> {
  return { jobId: await submitJob(createSubmission(request, size)), context: createContext(request) }
}

/** Follows a job from its start to its result. */
export function followJob(owner: JobOwner): FollowedJob {
  const { jobId, context, output, getState, dispatch } = owner
  let isClosed = false
  let shownBytes = noBytes()

  function onEvent(event: JobEvent): void {
    switch (event.type) {
      case 'started':
        if (event.attempt > 1) discardOutput()
        dispatch({ type: 'started', attempt: event.attempt })
        break
      case 'phase':
        dispatch({ type: 'phase', phase: event.phase })
        if (event.test !== null) startTest(event.test)
        break
      case 'output':
        shownBytes[event.stream] += countBytes(event.data)
        output.append(isTerminalOutput() ? 'terminal' : event.stream, event.data)
        break
      case 'finished':
        onFinished(event.result)
    }
  }

  function startTest(name: string): void {
    output.startTest(name)
    output.addNotice(`test ${printable(name)}`)
  }

  /** A new attempt of the job writes all output again. */
  function discardOutput(): void {
    output.clear()
    shownBytes = noBytes()
  }

  /** Compilers have no terminal. */
  function isTerminalOutput(): boolean {
    return context.input === 'terminal' && getState().phase === 'running'
  }

  function onFinished(result: Result): void {
    const outcome = outcomeText(result, context.limits)
    dispatch({ type: 'finished', result, outcome, truncation: truncationText(result, shownBytes) })
  }

  function onConnection(connection: Connection): void {
    if (connection.state !== 'rejected') dispatch({ type: 'connection', connection })
    else if (owner.isResumed && connection.problem.status === NOT_FOUND) owner.onExpired()
    else dispatch({ type: 'failed', error: new RequestRejected(connection.problem, null) })
  }

  async function watchQueue(): Promise<void> {
    const isQueued = () => !isClosed && getState().phase === 'queued'
    const startedAt = performance.now()
    while (isQueued()) {
      await sleep(QUEUE_INTERVAL_MS)
      if (!isQueued()) return
      const queue = await fetchQueueState(jobId).catch(() => ({ position: null, reason: null }))
      const reason = performance.now() - startedAt < REASON_DELAY_MS ? null : queue.reason
      if (isQueued()) dispatch({ type: 'queue', position: queue.position, reason })
    }
  }

  const stream = openJobStream(jobId, {
    onEvent: (event) => !isClosed && onEvent(event),
    onConnection: (connection) => !isClosed && onConnection(connection),
  })
  void watchQueue()

  return {
    send: stream.send,
    reconnect: stream.reconnect,
    cancel: () => cancelUntilAccepted(jobId, () => isClosed),
    close() {
      isClosed = true
      stream.close()
    },
  }
}

/** Replaces control characters, which a terminal would execute. The name may come from a shared link. */
function printable(text: string): string {
  return text.replace(/\p{C}/gu, '\ufffd')
}

/** Cancels a job. Retries until the server has accepted the cancellation, or until `isClosed` returns true. */
export async function cancelUntilAccepted(jobId: string, isClosed = () => false): Promise<void> {
  while (!isClosed() && !(await tryCancel(jobId))) await sleep(CANCEL_RETRY_MS)
}

async function tryCancel(jobId: string): Promise<boolean> {
  return cancelJob(jobId).then(
    () => true,
    (error) => error instanceof RequestRejected && error.problem.status === NOT_FOUND,
  )
}

/** The size in UTF-8. */
function countBytes(data: string | Uint8Array): number {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: ASCII
  const isCounted = typeof data !== 'string' || /^[\x00-\x7f]*$/.test(data)
  return isCounted ? data.length : new TextEncoder().encode(data).length
}

function noBytes(): Record<StreamName, number> {
  return { stdout: 0, stderr: 0 }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
