/** Starts, stops and resumes the run of the page. Only one run is active at a time. */
import { ServerUnreachable } from '../api/errors'
import type { TerminalSize } from '../api/jobs'
import type { ClientMessage } from '../api/streamEvents'
import { OutputLog } from '../output/outputLog'
import { currentLanguage, currentProgram, currentProgramKey, useStore } from '../store'
import type { FollowedJob } from './job'
import { type RunContext, readStoredRun, removeStoredRun, storeRun } from './runContext'
import { saveFocus } from './runFocus'
import { isActive, isUnfinished, nextRunState, type RunAction, type RunState, runContext } from './runState'
import type { RunRequest } from './submission'

type JobModule = typeof import('./job')

/** Compilers and tracebacks write less. The messages of a longer output are searched in its end. */
const MAX_DIAGNOSED_CHARACTERS = 1024 * 1024

class RunController {
  readonly output = new OutputLog()
  private terminalSize: TerminalSize = { rows: 24, cols: 80 }
  private job: FollowedJob | null = null
  /** The request of the current run; null for a resumed run. */
  private request: RunRequest | null = null
  /** Messages that were sent before the job existed. */
  private pendingMessages: ClientMessage[] = []
  private generation = 0

  /** Runs the program that is shown, or its tests, and shows the output. Ignored while a run is active. */
  start(mode: RunRequest['mode']): void {
    const store = useStore.getState()
    const program = currentProgram(store)
    if (isActive(store.run) || (mode === 'tests' && program.tests.length === 0)) return
    saveFocus()
    useStore.setState({
      pane: 'output',
      outputTab: mode === 'tests' ? 'tests' : 'terminal',
      outputOwner: currentProgramKey(store),
    })
    void this.submit({ mode, language: currentLanguage(store), program })
  }

  /** Resumes the run that this tab followed before it was reloaded, if there is one. */
  async resume(): Promise<void> {
    const stored = readStoredRun()
    if (!stored) return
    const generation = this.reset()
    useStore.setState({ outputOwner: { languageId: stored.context.language, revision: 0 } })
    try {
      const module = await loadJobModule()
      if (generation !== this.generation) return
      this.follow(module, stored.jobId, stored.context, true)
      this.resizeTerminal(this.terminalSize)
    } catch (error) {
      if (generation === this.generation) this.dispatch({ type: 'failed', error: error as Error })
    }
  }

  /** Stops the program, or withdraws its submission. */
  stop(): void {
    const run = this.getRun()
    if (run.phase === 'submitting') {
      this.generation += 1
      this.dispatch({ type: 'withdrawn' })
    }
    if (!isUnfinished(run) || run.isStopping) return
    this.dispatch({ type: 'stopping' })
    void this.job?.cancel()
  }

  /** Sends a message to the job. A message to a job that is being submitted is sent when the job exists. */
  send(message: ClientMessage): void {
    const run = this.getRun()
    if (run.phase === 'submitting') this.pendingMessages.push(message)
    else if (isUnfinished(run)) this.job?.send(message)
  }

  /** Sets the size of the page's terminal, and of the program's terminal if it has one. */
  resizeTerminal(size: TerminalSize): void {
    this.terminalSize = size
    if (runContext(this.getRun())?.input === 'terminal') this.send({ type: 'resize', ...size })
  }

  /** Reconnects at once after a lost connection. */
  reconnect(): void {
    const run = this.getRun()
    if (isUnfinished(run) && run.connection.state === 'waiting') this.job?.reconnect()
  }

  /** Clears the output, and stops following the job. The job itself continues. */
  clear(): void {
    this.reset()
    removeStoredRun()
    this.dispatch({ type: 'cleared' })
  }

  private async submit(request: RunRequest): Promise<void> {
    const generation = this.reset()
    this.request = request
    this.dispatch({ type: 'submitted', input: request.mode === 'tests' ? 'text' : request.program.input })
    try {
      const module = await loadJobModule()
      const { jobId, context } = await module.startJob(request, this.terminalSize)
      if (generation !== this.generation) return void module.cancelUntilAccepted(jobId)
      storeRun({ jobId, context })
      this.follow(module, jobId, context, false)
    } catch (error) {
      if (generation === this.generation) this.dispatch({ type: 'failed', error: error as Error })
    }
  }

  /** Returns a number that changes with each run, so that late results of an earlier run are ignored. */
  private reset(): number {
    this.job?.close()
    this.job = null
    this.request = null
    this.pendingMessages = []
    this.output.clear()
    this.generation += 1
    return this.generation
  }

  private follow({ followJob }: JobModule, jobId: string, context: RunContext, isResumed: boolean): void {
    this.dispatch({ type: 'accepted', jobId, context, isResumed })
    this.job = followJob({
      jobId,
      context,
      isResumed,
      output: this.output,
      getState: () => this.getRun(),
      dispatch: (action) => this.dispatch(action),
      onExpired: () => this.clear(),
    })
    for (const message of this.pendingMessages.splice(0)) this.send(message)
  }

  private getRun(): RunState {
    return useStore.getState().run
  }

  private dispatch(action: RunAction): void {
    const before = this.getRun()
    const run = nextRunState(before, action)
    if (run === before) return
    useStore.setState(run.phase === 'submitting' || run.phase === 'idle' ? { run, diagnostics: [] } : { run })
    if (run.phase === 'finished') void this.onFinished(run)
    if (run.phase === 'failed') void import('./showField').then(({ showField }) => showField(run))
  }

  private async onFinished(run: Extract<RunState, { phase: 'finished' }>): Promise<void> {
    const output = this.output.endText(MAX_DIAGNOSED_CHARACTERS)
    const { request, generation } = this
    const [{ findDiagnostics }, { addToHistory }] = await Promise.all([
      import('./diagnostics'),
      import('../history/history'),
    ])
    if (generation === this.generation) {
      useStore.setState({ diagnostics: findDiagnostics(output, run.context.files) })
    }
    if (request === null) return // The page added the run to the history before it was reloaded.
    addToHistory({
      at: Date.now(),
      language: request.language.id,
      languageName: request.language.name,
      program: request.program,
      ending: run.outcome.text,
      tone: run.outcome.tone,
      output,
    })
  }
}

/** Also called before the first run, so that a run without a network shows why it fails. */
export async function loadJobModule(): Promise<JobModule> {
  try {
    return await import('./job')
  } catch (error) {
    throw new ServerUnreachable('a part of the page could not be loaded', { cause: error })
  }
}

export const runController = new RunController()
