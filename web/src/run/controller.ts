/** One run at a time: submits, follows, stops. The page listens; nothing here knows the page. */

import { Unreachable } from '../api/errors'
import type { ClientMessage } from '../api/events'
import type { TerminalSize } from '../api/schema'
import { forgetRun, type RunContext, rememberRun } from './context'
import type { FollowedJob } from './followed'
import type { Launch } from './live'
import { Output } from './output'
import { IDLE, isActive, isFollowed, nextState, type RunAction, type RunState } from './state'

type Live = typeof import('./live')

export class RunController {
  readonly output = new Output()
  /** Of the terminal that is shown. */
  size: TerminalSize = { rows: 24, cols: 80 }
  /** What was run: the page may show another program meanwhile. */
  context: RunContext | null = null
  /** Whether this run was begun before the page was loaded. */
  isResumed = false
  private state: RunState = IDLE
  private job: FollowedJob | null = null
  private stopWanted = false
  private generation = 0
  private listeners = new Set<() => void>()

  snapshot = (): RunState => this.state

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  /** Submits and follows; resolves when the program was taken on or refused. */
  async start(launch: Launch): Promise<void> {
    if (isActive(this.state)) return
    const generation = this.reset(null)
    this.apply({ type: 'submitted' })
    try {
      const live = await loadLive()
      const { submission, context } = live.prepare(launch, this.size)
      const { id } = await live.submit(submission)
      if (generation !== this.generation) return
      rememberRun({ jobId: id, context })
      this.watch(id, context, live)
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
    this.watch(jobId, context, live)
    this.resize(this.size)
  }

  /** Asks for the end of the program. */
  stop(): void {
    this.stopWanted = true
    if (!isFollowed(this.state) || this.state.stopping) return
    this.apply({ type: 'stopping' })
    void this.job?.cancel()
  }

  /** To the program's terminal or standard input, or to the job itself. */
  send(message: ClientMessage): void {
    if (isFollowed(this.state)) this.job?.send(message)
  }

  /** Tells the program, if it has a terminal, how large that is from now on. */
  resize(size: TerminalSize): void {
    this.size = size
    if (this.context?.input === 'terminal') this.send({ type: 'resize', ...size })
  }

  /** Tries a lost connection again at once. */
  reconnect(): void {
    if (isFollowed(this.state) && this.state.connection.state === 'waiting') this.job?.retry()
  }

  /** Ends the following, not the program, and forgets what was shown. */
  leave(): void {
    this.reset(null)
    forgetRun()
    this.apply({ type: 'forgotten' })
  }

  private reset(context: RunContext | null): number {
    this.job?.close()
    this.job = null
    this.stopWanted = false
    this.isResumed = false
    this.context = context
    this.output.clear()
    this.generation += 1
    return this.generation
  }

  private watch(jobId: string, context: RunContext, { followJob }: Live): void {
    this.context = context
    this.apply({ type: 'accepted', jobId })
    this.job = followJob({
      jobId,
      context,
      output: this.output,
      isResumed: this.isResumed,
      state: this.snapshot,
      apply: (action) => this.apply(action),
      onGone: () => this.leave(),
    })
    if (this.stopWanted) this.stop()
  }

  private apply(action: RunAction): void {
    const next = nextState(this.state, action)
    if (next === this.state) return
    this.state = next
    for (const listener of this.listeners) listener()
  }
}

/** Also called ahead of the first run: without a connection it would come too late. */
export async function loadLive(): Promise<Live> {
  try {
    return await import('./live')
  } catch (error) {
    throw new Unreachable('a part of the page could not be loaded', { cause: error })
  }
}
