/** One job on its way to its end: what it writes, where it is, and how it is stopped. */
import { Refused } from '../api/errors'
import type { ClientMessage, Result, StreamName } from '../api/events'
import { type Connection, follow, type JobEvent } from '../api/follow'
import * as api from '../api/jobs'
import type { RunContext } from './context'
import { endingOf, truncationOf } from './ending'
import type { Output } from './output'
import type { RunAction, RunState } from './state'

const POSITION_EVERY_MS = 1000
const CANCEL_AGAIN_MS = 1000
// A job that was left behind by a reload may have expired meanwhile: then there is nothing to tell.
const GONE = 404

/** The run that it is the job of. */
export interface Surroundings {
  jobId: string
  context: RunContext
  output: Output
  /** Whether it was begun before the page was loaded. */
  isResumed: boolean
  state(): RunState
  apply(action: RunAction): void
  /** It is not known to the server any more, and nothing of it was shown. */
  onGone(): void
}

export interface FollowedJob {
  send(message: ClientMessage): void
  retry(): void
  /** Asks for its end, until it is known to have been heard. */
  cancel(): Promise<void>
  /** Ends the following, not the job. */
  close(): void
}

export function followJob(run: Surroundings): FollowedJob {
  const { jobId, context, output, state, apply } = run
  let isClosed = false
  let shownBytes = noBytes()

  function take(event: JobEvent): void {
    switch (event.type) {
      case 'started':
        if (event.attempt > 1) startOver()
        apply({ type: 'started', attempt: event.attempt })
        break
      case 'phase':
        apply({ type: 'phase', phase: event.phase })
        if (event.test !== null) beginTest(event.test)
        break
      case 'output':
        shownBytes[event.stream] += event.bytes.length
        output.append(isOnTerminal() ? 'terminal' : event.stream, event.bytes)
        break
      case 'finished':
        finish(event.result)
    }
  }

  function beginTest(name: string): void {
    output.beginTest(name)
    output.notice(`test ${printable(name)}`)
  }

  function startOver(): void {
    output.clear()
    shownBytes = noBytes()
  }

  /** Whether what comes now was written to a terminal; compilers have none. */
  function isOnTerminal(): boolean {
    return context.input === 'terminal' && state().phase === 'running'
  }

  function finish(result: Result): void {
    const ending = endingOf(result, context.limits)
    apply({ type: 'finished', result, ending, missing: truncationOf(result, shownBytes) })
  }

  function connected(connection: Connection): void {
    if (connection.state !== 'refused') apply({ type: 'connection', connection })
    else if (run.isResumed && connection.problem.status === GONE) run.onGone()
    else apply({ type: 'failed', error: new Refused(connection.problem, null) })
  }

  async function watchPosition(): Promise<void> {
    while (!isClosed && state().phase === 'queued') {
      await pause(POSITION_EVERY_MS)
      if (isClosed || state().phase !== 'queued') return
      const view = await api.job(jobId).catch(() => null)
      if (view && !isClosed) apply({ type: 'position', position: view.queue_position })
    }
  }

  const follower = follow(jobId, {
    onEvent: (event) => !isClosed && take(event),
    onConnection: (connection) => !isClosed && connected(connection),
  })
  void watchPosition()

  return {
    send: follower.send,
    retry: follower.retry,
    async cancel() {
      while (!isClosed && !(await isHeard(jobId))) await pause(CANCEL_AGAIN_MS)
    },
    close() {
      isClosed = true
      follower.close()
    },
  }
}

/** A name may come out of a stranger's link, and a terminal does what control characters say. */
function printable(text: string): string {
  return text.replace(/\p{C}/gu, '\ufffd')
}

async function isHeard(jobId: string): Promise<boolean> {
  return api.cancel(jobId).then(
    () => true,
    (error) => error instanceof Refused && error.problem.status === GONE,
  )
}

function noBytes(): Record<StreamName, number> {
  return { stdout: 0, stderr: 0 }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
