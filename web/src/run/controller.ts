/** One run at a time: submits, follows, stops. The page listens; nothing here knows the page. */
import * as api from '../api/client'
import { Refused } from '../api/errors'
import { type Connection, type Follower, follow, type JobEvent } from '../api/follow'
import { bytesOf } from '../api/bytes'
import type { Result, StreamName, Submission, ViewerMessage } from '../api/schema'
import { Output } from './output'
import { IDLE, isActive, isFollowed, nextState, type RunAction, type RunState } from './state'

const POSITION_EVERY_MS = 1000
const CANCEL_AGAIN_MS = 1000

export class RunController {
  readonly output = new Output()
  /** How many bytes of each stream have come. */
  shownBytes: Record<StreamName, number> = { stdout: 0, stderr: 0 }
  private state: RunState = IDLE
  private follower: Follower | null = null
  private stopWanted = false
  private generation = 0
  private listeners = new Set<() => void>()

  snapshot = (): RunState => this.state

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  /** Submits and follows; resolves when the program was taken on or refused. */
  async start(submission: Submission): Promise<void> {
    if (isActive(this.state)) return
    const generation = this.reset()
    this.apply({ type: 'submitted' })
    try {
      const { id } = await api.submit(submission)
      if (generation === this.generation) this.watch(id)
    } catch (error) {
      if (generation === this.generation) this.apply({ type: 'failed', error: error as Error })
    }
  }

  /** Follows a job that was submitted before, from its beginning. */
  resume(jobId: string): void {
    this.reset()
    this.watch(jobId)
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

  /** Ends the following, not the program. */
  leave(): void {
    this.reset()
    this.apply({ type: 'forgotten' })
  }

  private reset(): number {
    this.follower?.close()
    this.follower = null
    this.stopWanted = false
    this.forgetOutput()
    this.generation += 1
    return this.generation
  }

  private watch(jobId: string): void {
    this.apply({ type: 'accepted', jobId })
    const generation = this.generation
    this.follower = follow(jobId, {
      onEvent: (event) => generation === this.generation && this.take(event),
      onConnection: (connection) => generation === this.generation && this.connected(connection),
    })
    void this.watchPosition(jobId)
    if (this.stopWanted) this.stop()
  }

  private take(event: JobEvent): void {
    switch (event.type) {
      case 'started':
        if (event.attempt > 1) this.forgetOutput()
        this.apply({ type: 'started', attempt: event.attempt })
        break
      case 'phase':
        this.apply({ type: 'phase', phase: event.phase })
        break
      case 'output': {
        const bytes = bytesOf(event.data, event.encoding)
        this.shownBytes[event.stream] += bytes.length
        this.output.append(event.stream, bytes)
        break
      }
      case 'finished':
        this.finish(event.result)
    }
  }

  private finish(result: Result): void {
    this.apply({ type: 'finished', result })
  }

  private connected(connection: Connection): void {
    if (connection.state !== 'refused') this.apply({ type: 'connection', connection })
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

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
