/** How a run ended, in words: what happened, at which limit, and what of the output is missing. */
import type { Result, StreamName } from '../api/events'
import type { Sentence } from './sentence'
import { bytes, seconds } from './units'

/** Those that a sentence may name; absent ones are called just a limit. */
export interface LimitsInForce {
  wall_seconds?: number
  cpu_seconds?: number
  memory_bytes?: number
  output_bytes?: number
}

const SIGINT = 2
const SIGNALS: Record<number, string> = {
  4: 'SIGILL, an illegal instruction',
  6: 'SIGABRT: it aborted itself',
  7: 'SIGBUS, a bad memory access',
  8: 'SIGFPE, an arithmetic error such as a division by zero',
  9: 'SIGKILL',
  11: 'SIGSEGV, an invalid memory access',
  13: 'SIGPIPE, a broken pipe',
  15: 'SIGTERM',
}

export function endingOf(result: Result, limits: LimitsInForce): Sentence {
  return testsEnding(result) ?? programEnding(result, limits)
}

/** Of tests that were run, how many passed; null when something else is to be told. */
function testsEnding({ tests, outcome }: Result): Sentence | null {
  const isCut = outcome === 'cancelled' || outcome === 'infrastructure_error'
  if (tests.length === 0 || isCut) return null
  const failed = tests.filter(({ passed, outcome }) => passed === false || outcome !== 'ok').length
  if (failed > 0) return { tone: 'bad', text: `${failed} of ${counted(tests.length)} failed` }
  const passed = tests.filter((one) => one.passed).length
  if (passed === 0) return { tone: 'good', text: `${counted(tests.length)} ran; nothing was expected` }
  return { tone: 'good', text: passed === 1 ? 'The test passed' : `All ${passed} tests passed` }
}

function counted(tests: number): string {
  return tests === 1 ? '1 test' : `${tests} tests`
}

function programEnding(result: Result, limits: LimitsInForce): Sentence {
  switch (result.outcome) {
    case 'ok':
      return { tone: 'good', text: 'Finished normally' }
    case 'nonzero_exit':
      return {
        tone: 'bad',
        text: result.exit_code === null ? capital(result.message) : `Exited with code ${result.exit_code}`,
      }
    case 'signaled':
      if (result.signal === SIGINT) return { tone: 'quiet', text: 'Interrupted by Ctrl+C' }
      return { tone: 'bad', text: `Killed by ${SIGNALS[result.signal ?? 0] ?? `signal ${result.signal}`}` }
    case 'compile_error':
      return { tone: 'bad', text: 'Did not compile' }
    case 'wall_time_limit':
      return { tone: 'warn', text: `Stopped after ${limit(limits.wall_seconds, seconds)}: the time limit` }
    case 'cpu_time_limit':
      return {
        tone: 'warn',
        text: `Stopped after ${limit(limits.cpu_seconds, seconds)} of processor time: the limit`,
      }
    case 'memory_limit':
      return {
        tone: 'warn',
        text: `Killed: it needed more than ${limit(limits.memory_bytes, bytes)} of memory`,
      }
    case 'output_limit':
      return { tone: 'warn', text: `Stopped: it wrote more than ${limit(limits.output_bytes, bytes)}` }
    case 'cancelled':
      return { tone: 'quiet', text: 'Stopped by you' }
    default:
      return { tone: 'bad', text: `The service failed, not your program: ${result.message}. Run it again.` }
  }
}

function limit(value: number | undefined, shown: (value: number) => string): string {
  return value === undefined ? 'its limit' : shown(value)
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}

/** What is missing from the output, in words; null when nothing is. */
export function truncationOf(result: Result, shownBytes: Record<StreamName, number>): string | null {
  const cut = (['stdout', 'stderr'] as const).filter((stream) =>
    result.phases.some((phase) => phase[`${stream}_truncated`]),
  )
  if (cut.length === 0) return null
  const total = cut.reduce((sum, stream) => sum + written(result, stream), 0)
  const shown = cut.reduce((sum, stream) => sum + shownBytes[stream], 0)
  const more = total > shown ? ` of the ${bytes(total)} it wrote` : ''
  return `${cut.join(' and ')} cut off: the first ${bytes(shown)}${more} ${cut.length > 1 ? 'are' : 'is'} shown`
}

function written(result: Result, stream: 'stdout' | 'stderr'): number {
  return result.phases.reduce((sum, phase) => sum + phase[`${stream}_bytes`], 0)
}
