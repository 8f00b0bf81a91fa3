import { expect, test } from 'vitest'
import { RequestRejected } from '../../src/api/errors'
import { newProgram } from '../../src/program/program'
import { EMPTY_TEST } from '../../src/program/testCase'
import { outcomeText, truncationText } from '../../src/run/resultText'
import { errorText } from '../../src/run/statusText'
import { LANGUAGE, RESULT } from '../fixtures'

const MIB = 1024 * 1024

function rejection(status: number, type: string, field: string | null, retryAfterSeconds: number | null) {
  return new RequestRejected({ type, status, title: 'title', detail: 'detail', field }, retryAfterSeconds)
}

test.each([
  [{ outcome: 'nonzero_exit', exit_code: 3 }, 'Exited with code 3'],
  [{ outcome: 'signaled', signal: 11 }, 'Killed by SIGSEGV (invalid memory access)'],
  [{ outcome: 'wall_time_limit' }, 'Time limit of 10.0 s exceeded'],
  [{ outcome: 'memory_limit' }, 'Memory limit of 256 MiB exceeded'],
  [{ outcome: 'output_limit' }, 'Output limit exceeded'],
  [{ outcome: 'cancelled' }, 'Stopped by you'],
])('outcomeText of %j is %j', (change, text) => {
  const limits = { wall_seconds: 10, memory_bytes: 256 * MIB }

  expect(outcomeText({ ...RESULT, ...change }, limits).text).toBe(text)
})

test('errorText contains the delay before a retry', () => {
  expect(errorText(rejection(429, '/problems/rate-limited', null, 7))).toBe(
    'Too many requests. Try again in 7 s.',
  )
  expect(errorText(rejection(503, '/problems/queue-full', null, 5))).toBe(
    'The queue is full. The program was not submitted. Try again in 5 s.',
  )
})

test.each([
  ['files', 'The files detail. Remove or shorten files.'],
  ['files[0].name', 'The name of the file "main.py" detail.'],
  ['files[0].content', 'The content of the file "main.py" detail.'],
  ['tests[1].name', 'The name of test second detail.'],
  ['tests[0].limits.wall_seconds', 'The time limit of test 1 detail.'],
  ['args[0]', 'The arguments detail.'],
  ['artifacts[2]', 'The artifact patterns detail.'],
  ['limits.wall_seconds', 'Time detail.'],
  ['callback_url', 'callback_url: detail.'],
])('errorText names the invalid field %s in words', (field, text) => {
  const tests = [EMPTY_TEST, { ...EMPTY_TEST, name: 'second' }]
  const program = { ...newProgram(LANGUAGE), tests }

  expect(errorText(rejection(422, '/problems/invalid-request', field, null), program)).toBe(
    `Not accepted: ${text}`,
  )
})

test('errorText states the allowed size of all files in the units of the page', () => {
  const detail = 'must be at most 8388608 bytes together'
  const problem = { type: '/problems/invalid-request', status: 422, title: 'title', detail, field: 'files' }

  expect(errorText(new RequestRejected(problem, null), newProgram(LANGUAGE))).toBe(
    'Not accepted: The files must be at most 8 MiB together. Remove or shorten files.',
  )
})

test('errorText states an invalid limit in the units of the page', () => {
  const range = { default: 0, minimum: 16 * MIB, maximum: 2048 * MIB, unit: 'bytes', description: '' }
  const error = rejection(422, '/problems/invalid-request', 'limits.memory_bytes', null)

  expect(errorText(error, newProgram(LANGUAGE), { memory_bytes: range })).toBe(
    'Not accepted: Memory must be between 16 and 2048 MiB.',
  )
})

test('truncationText contains the shown and the total size', () => {
  const phase = {
    name: 'run',
    stdout_bytes: 4096,
    stderr_bytes: 0,
    stdout_truncated: true,
    stderr_truncated: false,
  }

  const text = truncationText({ ...RESULT, phases: [phase] }, { stdout: 2048, stderr: 0 })

  expect(text).toBe('stdout truncated: the first 2 KiB of 4 KiB shown')
})
