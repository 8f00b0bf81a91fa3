/** One run at a time: submits, follows, stops. The page listens; nothing here knows the page. */

import * as api from '../api/client'
import { Refused } from '../api/errors'
import type { Result, StreamName, ViewerMessage } from '../api/events'
import type { Connection, Follower, JobEvent } from '../api/follow'
import type { Submission } from '../api/schema'
import { forgetRun, type RunContext, rememberRun } from './context'
import { Output } from './output'
import { IDLE, isActive, isFollowed, nextState, type RunAction, type RunState } from './state'

const POSITION_EVERY_MS = 1000
const CANCEL_AGAIN_MS = 1000
// A job that was left behind by a reload may have expired meanwhile: then there is nothing to tell.
const GONE = 404

type Live = typeof import('./live')

export class RunController {
  readonly output = new Output()
  /** How many bytes of each stream have come. */
  shownBytes: Record<StreamName, number> = { stdout: 0, stderr: 0 }
  /** What was run: the page may show another program meanwhile. */
  context: RunContext | null = null
  private state: RunState = IDLE
  private follower: Follower | null = null
  private stopWanted = false
  /** Whether this run was begun before the page was loaded. */
  isResumed = false
  private generation = 0
  private listeners = new Set<() => void>()

  snapshot = (): RunState => this.state

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  /** Submits and follows; resolves when the program was taken on or refused. */
  async start(submission: Submission, context: RunContext): Promise<void> {
    if (isActive(this.state)) return
    const generation = this.reset(context)
    this.apply({ type: 'submitted' })
    try {
      const [{ id }, live] = await Promise.all([api.submit(submission), loadLive()])
      if (generation !== this.generation) return
      rememberRun({ jobId: id, context })
      this.watch(id, live)
    } catch (error) {
      if (generation === this.generation) this.apply({ type: 'failed', error: error as Error })
    }
  }

  /** Follows a job that was submitted before the page was loaded, from its beginning. */
  async resume(jobId: string, context: RunContext): Promise<void> {
    const generation = this.reset(context)
    const live = await loadLive()
    if (generation !== this.generation) return
    this.isResumed = true
    this.watch(jobId, live)
  }

  /** Asks for the end of the program, until it is known to have been heard. */
  stop(): void {
    this.stopWanted = true
    if (!isFollowed(this.state) || this.state.stopping) return
    this.apply({ type: 'stopping' })
    void this.cancel(this.state.jobId)
  }

  /** To the program's terminal or standard input, or to the job itself. */
  send(message: ViewerMessage): void {
    if (isFollowed(this.state)) this.follower?.send(message)
  }

  /** Tries a lost connection again at once. */
  reconnect(): void {
    if (isFollowed(this.state) && this.state.connection.state === 'waiting') this.follower?.retry()
  }

  /** Ends the following, not the program, and forgets what was shown. */
  leave(): void {
    this.reset(null)
    forgetRun()
    this.apply({ type: 'forgotten' })
  }

  private reset(context: RunContext | null): number {
    this.follower?.close()
    this.follower = null
    this.stopWanted = false
    this.isResumed = false
    this.context = context
    this.forgetOutput()
    this.generation += 1
    return this.generation
  }

  private watch(jobId: string, live: Live): void {
    this.apply({ type: 'accepted', jobId })
    const generation = this.generation
    this.follower = live.follow(jobId, {
      onEvent: (event) => generation === this.generation && this.take(event, live),
      onConnection: (connection) => generation === this.generation && this.connected(connection),
    })
    void this.watchPosition(jobId)
    if (this.stopWanted) this.stop()
  }

  private take(event: JobEvent, live: Live): void {
    switch (event.type) {
      case 'started':
        if (event.attempt > 1) this.forgetOutput()
        this.apply({ type: 'started', attempt: event.attempt })
        break
      case 'phase':
        this.apply({ type: 'phase', phase: event.phase })
        break
      case 'output': {
        this.shownBytes[event.stream] += event.bytes.length
        this.output.append(event.stream, event.bytes)
        break
      }
      case 'finished':
        this.finish(event.result, live)
    }
  }

  private finish(result: Result, live: Live): void {
    const ending = live.endingOf(result, this.context?.limits ?? {})
    const missing = live.truncationOf(result, this.shownBytes)
    this.apply({ type: 'finished', result, ending, missing })
  }

  private connected(connection: Connection): void {
    if (connection.state !== 'refused') this.apply({ type: 'connection', connection })
    else if (this.isResumed && connection.problem.status === GONE) this.leave()
    else this.apply({ type: 'failed', error: new Refused(connection.problem, null) })
  }

  private async watchPosition(jobId: string): Promise<void> {
    while (this.state.phase === 'queued' && this.state.jobId === jobId) {
      await pause(POSITION_EVERY_MS)
      if (this.state.phase !== 'queued' || this.state.jobId !== jobId) return
      const view = await api.job(jobId).catch(() => null)
      if (view) this.apply({ type: 'position', position: view.queue_position })
    }
  }

  private async cancel(jobId: string): Promise<void> {
    while (isFollowed(this.state) && this.state.jobId === jobId) {
      const heard = await api.cancel(jobId).then(
        () => true,
        (error) => error instanceof Refused && error.problem.status === 404,
      )
      if (heard) return
      await pause(CANCEL_AGAIN_MS)
    }
  }

  private forgetOutput(): void {
    this.output.clear()
    this.shownBytes = { stdout: 0, stderr: 0 }
  }

  private apply(action: RunAction): void {
    const next = nextState(this.state, action)
    if (next === this.state) return
    this.state = next
    for (const listener of this.listeners) listener()
  }
}

function loadLive(): Promise<Live> {
  return import('./live')
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
