/** The run of an embedded program: submission, output and result. */
import { RequestRejected } from '../api/errors'
import { openJobStream } from '../api/jobStream'
import { submitJob } from '../api/jobs'
import type { Language } from '../api/languages'
import type { Result, StreamName } from '../api/streamEvents'
import type { Program } from '../program/program'
import { cancelUntilAccepted } from '../run/job'
import { outcomeText } from '../run/resultText'
import type { StatusText } from '../run/runState'
import { errorText } from '../run/statusText'
import { createContext, createSubmission } from '../run/submission'

/** A part of the output. */
export interface OutputPart {
  stream: StreamName
  text: string
}

export interface EmbeddedRun {
  /** Also before the server has accepted the job. */
  isActive: boolean
  status: StatusText | null
  output: OutputPart[]
}

export const NOT_STARTED: EmbeddedRun = { isActive: false, status: null, output: [] }

const MAX_CHARACTERS = 200_000
const NO_TERMINAL = { rows: 24, cols: 80 }

/** Escape sequences of terminals (ECMA-48), and control characters other than tab and newline. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are removed
const TERMINAL_CONTROLS = /\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)?|.)|[\x00-\x08\x0b-\x1f\x7f]/g

/** Runs a program without a terminal. Calls `onChange` with each state. Returns a function that stops it. */
export function runEmbedded(
  language: Language,
  program: Program,
  onChange: (run: EmbeddedRun) => void,
  onResult: (result: Result) => void,
): () => void {
  const request = { mode: 'program', language, program: { ...program, input: 'text' } } as const
  const decoders = { stdout: new TextDecoder(), stderr: new TextDecoder() }
  let run: EmbeddedRun = { isActive: true, status: { tone: 'quiet', text: 'Starting' }, output: [] }
  let characters = 0
  let jobId: string | null = null
  let isStopped = false

  const change = (changes: Partial<EmbeddedRun>) => {
    run = { ...run, ...changes }
    onChange(run)
  }
  const fail = (error: Error) => change({ isActive: false, status: { tone: 'bad', text: errorText(error) } })

  function append(stream: StreamName, data: string | Uint8Array): void {
    const bytes = typeof data === 'string' ? data : decoders[stream].decode(data, { stream: true })
    const text = bytes.replace(TERMINAL_CONTROLS, '').slice(0, Math.max(0, MAX_CHARACTERS - characters))
    characters += text.length
    if (text !== '') change({ output: addOutput(run.output, { stream, text }) })
  }

  async function start(): Promise<void> {
    jobId = await submitJob(createSubmission(request, NO_TERMINAL))
    if (isStopped) return cancelUntilAccepted(jobId)
    const stream = openJobStream(jobId, {
      onEvent: (event) => {
        if (event.type === 'output') append(event.stream, event.data)
        else if (event.type === 'started' && event.attempt > 1) change({ output: [] })
        else if (event.type === 'phase') change({ status: { tone: 'quiet', text: 'Running' } })
        else if (event.type === 'finished') {
          stream.close()
          const status = outcomeText(event.result, createContext(request).limits)
          change({ isActive: false, status })
          onResult(event.result)
        }
      },
      onConnection: (connection) => {
        if (connection.state === 'rejected') fail(new RequestRejected(connection.problem, null))
      },
    })
  }

  change({})
  start().catch(fail)
  return () => {
    isStopped = true
    if (jobId === null) change({ isActive: false, status: { tone: 'quiet', text: 'Stopped by you' } })
    else void cancelUntilAccepted(jobId)
  }
}

/** Returns the output with another part. Parts of the same stream are joined. */
function addOutput(output: OutputPart[], part: OutputPart): OutputPart[] {
  const last = output.at(-1)
  if (last?.stream !== part.stream) return [...output, part]
  return [...output.slice(0, -1), { ...last, text: last.text + part.text }]
}
