/** Describes the result of a run: its outcome, the limit that it reached, and output that is missing. */
import type { Result, StreamName } from '../api/streamEvents'
import { capitalize, formatBytes, formatSeconds } from '../format'
import type { StatusText } from './runState'

/** The limits that a text may name. */
export interface NamedLimits {
  wall_seconds?: number
  cpu_seconds?: number
  memory_bytes?: number
  output_bytes?: number
}

const SIGINT = 2

/** Linux signal numbers, see signal(7). */
const SIGNALS: Record<number, string> = {
  4: 'SIGILL (illegal instruction)',
  6: 'SIGABRT (the program aborted)',
  7: 'SIGBUS (invalid memory access)',
  8: 'SIGFPE (arithmetic error, such as a division by zero)',
  9: 'SIGKILL',
  11: 'SIGSEGV (invalid memory access)',
  13: 'SIGPIPE (broken pipe)',
  15: 'SIGTERM',
}

export function outcomeText(result: Result, limits: NamedLimits): StatusText {
  return testsOutcome(result) ?? programOutcome(result, limits)
}

/** How many tests passed; null if the job has no tests or did not finish. */
function testsOutcome({ tests, outcome }: Result): StatusText | null {
  const isIncomplete = outcome === 'cancelled' || outcome === 'infrastructure_error'
  if (tests.length === 0 || isIncomplete) return null
  const failed = tests.filter(({ passed, outcome }) => passed === false || outcome !== 'ok').length
  if (failed > 0) return { tone: 'bad', text: `${failed} of ${countTests(tests.length)} failed` }
  const passed = tests.filter((test) => test.passed).length
  if (passed === 0) return { tone: 'good', text: `${countTests(tests.length)} ran without expected output` }
  return { tone: 'good', text: passed === 1 ? 'The test passed' : `All ${passed} tests passed` }
}

function countTests(count: number): string {
  return count === 1 ? '1 test' : `${count} tests`
}

function programOutcome(result: Result, limits: NamedLimits): StatusText {
  switch (result.outcome) {
    case 'ok':
      return { tone: 'good', text: 'Finished normally' }
    case 'nonzero_exit':
      return {
        tone: 'bad',
        text: result.exit_code === null ? capitalize(result.message) : `Exited with code ${result.exit_code}`,
      }
    case 'signaled':
      if (result.signal === SIGINT) return { tone: 'quiet', text: 'Interrupted by Ctrl+C' }
      return { tone: 'bad', text: `Killed by ${SIGNALS[result.signal ?? 0] ?? `signal ${result.signal}`}` }
    case 'compile_error':
      return { tone: 'bad', text: 'Compilation failed' }
    case 'wall_time_limit':
      return exceeded('Time', limits.wall_seconds, formatSeconds)
    case 'cpu_time_limit':
      return exceeded('CPU time', limits.cpu_seconds, formatSeconds)
    case 'memory_limit':
      return exceeded('Memory', limits.memory_bytes, formatBytes)
    case 'output_limit':
      return exceeded('Output', limits.output_bytes, formatBytes)
    case 'cancelled':
      return { tone: 'quiet', text: 'Stopped by you' }
    default:
      return { tone: 'bad', text: `The service failed, not your program: ${result.message}. Run it again.` }
  }
}

function exceeded(name: string, limit: number | undefined, format: (value: number) => string): StatusText {
  return { tone: 'warn', text: `${name} limit${limit === undefined ? '' : ` of ${format(limit)}`} exceeded` }
}

/** Describes the output that the server cut off at the limit; null if the output is complete. */
export function truncationText(result: Result, shownBytes: Record<StreamName, number>): string | null {
  const truncated = (['stdout', 'stderr'] as const).filter((stream) =>
    result.phases.some((phase) => phase[`${stream}_truncated`]),
  )
  if (truncated.length === 0) return null
  const total = truncated.reduce((sum, stream) => sum + writtenBytes(result, stream), 0)
  const shown = truncated.reduce((sum, stream) => sum + shownBytes[stream], 0)
  const ofTotal = total > shown ? ` of ${formatBytes(total)}` : ''
  return `${truncated.join(' and ')} truncated: the first ${formatBytes(shown)}${ofTotal} shown`
}

function writtenBytes(result: Result, stream: StreamName): number {
  return result.phases.reduce((sum, phase) => sum + phase[`${stream}_bytes`], 0)
}
