import { expect, test } from 'vitest'
import { Refused } from '../src/api/errors'
import { endingOf, truncationOf } from '../src/run/ending'
import { failure } from '../src/run/sentence'

const result = {
  outcome: 'ok',
  exit_code: 0,
  signal: null,
  message: '',
  usage: null,
  phases: [],
  tests: [],
  artifacts: [],
  artifacts_incomplete: false,
  version: null,
}
const refused = (status: number, type: string, seconds: number | null) =>
  failure(new Refused({ type, status, title: 'title', detail: 'detail', field: 'files[0].name' }, seconds))

test.each([
  [{ outcome: 'nonzero_exit', exit_code: 3 }, 'Exited with code 3'],
  [{ outcome: 'signaled', signal: 11 }, 'Killed by SIGSEGV, an invalid memory access'],
  [{ outcome: 'wall_time_limit' }, 'Stopped after 10.0 s: the time limit'],
  [{ outcome: 'memory_limit' }, 'Killed: it needed more than 256 MiB of memory'],
  [{ outcome: 'cancelled' }, 'Stopped by you'],
])('%j is told as %j', (change, text) => {
  const limits = { wall_seconds: 10, memory_bytes: 256 * 1024 * 1024 }

  expect(endingOf({ ...result, ...change }, limits).text).toBe(text)
})

test('a refusal says what to do', () => {
  expect(refused(429, '/problems/rate-limited', 7)).toContain('Try again in 7 s')
  expect(refused(503, '/problems/queue-full', 5)).toContain('nothing was queued. Try again in 5 s')
  expect(refused(422, '/problems/invalid-request', null)).toBe('Not accepted: files[0].name detail')
})

test('what is missing is told with its bytes', () => {
  const phase = {
    name: 'run',
    stdout_bytes: 4096,
    stderr_bytes: 0,
    stdout_truncated: true,
    stderr_truncated: false,
  }

  const told = truncationOf({ ...result, phases: [phase] }, { stdout: 2048, stderr: 0 })

  expect(told).toBe('stdout cut off: the first 2 KiB of the 4 KiB it wrote is shown')
})
