import { beforeEach, expect, test, vi } from 'vitest'
import type { JobStreamListener } from '../../src/api/jobStream'
import { openJobStream } from '../../src/api/jobStream'
import { submitJob } from '../../src/api/jobs'
import { type EmbeddedRun, runEmbedded } from '../../src/embed/embeddedRun'
import { newProgram } from '../../src/program/program'
import { cancelUntilAccepted } from '../../src/run/job'
import { LANGUAGE, RESULT } from '../fixtures'

vi.mock('../../src/api/jobs')
vi.mock('../../src/api/jobStream')
vi.mock('../../src/run/job', () => ({ cancelUntilAccepted: vi.fn(async () => {}) }))

const PROGRAM = { ...newProgram(LANGUAGE), stdin: 'input', input: 'terminal' as const }
let listener: JobStreamListener
let run: EmbeddedRun
const onResult = vi.fn()

async function start(): Promise<() => void> {
  const stop = runEmbedded(LANGUAGE, PROGRAM, (next) => (run = next), onResult)
  await vi.waitFor(() => expect(openJobStream).toHaveBeenCalled())
  return stop
}

function write(data: string | Uint8Array, stream: 'stdout' | 'stderr' = 'stdout'): void {
  listener.onEvent({ type: 'output', cursor: '1', stream, data })
}

beforeEach(() => {
  vi.clearAllMocks()
  vi.mocked(submitJob).mockResolvedValue('job')
  vi.mocked(openJobStream).mockImplementation((_id, opened) => {
    listener = opened
    return { send: () => {}, reconnect: () => {}, close: () => {} }
  })
})

test('program is submitted with its input as a text, and its result is reported', async () => {
  await start()
  expect(vi.mocked(submitJob).mock.calls[0]?.[0]).toMatchObject({ language: 'python', stdin: 'input' })
  expect(run).toMatchObject({ isActive: true })

  write('one')
  write('two')
  write('error', 'stderr')
  listener.onEvent({ type: 'finished', cursor: '2', result: RESULT })

  expect(run).toEqual({
    isActive: false,
    status: { tone: 'good', text: 'Finished normally' },
    output: [
      { stream: 'stdout', text: 'onetwo' },
      { stream: 'stderr', text: 'error' },
    ],
  })
  expect(onResult).toHaveBeenCalledWith(RESULT)
})

test.each([
  ['\x1b[31mred\x1b[0m', 'red'],
  ['\x1b]0;title\x07text', 'text'],
  ['\x1b]8;;http://evil.example\x1b\\link', 'link'],
  ['a\tb\nc\x00\x08', 'a\tb\nc'],
])('output %j is shown as %j', async (written, shown) => {
  await start()
  write(written)
  expect(run.output).toEqual([{ stream: 'stdout', text: shown }])
})

test('character that is split between two events is shown once', async () => {
  await start()
  const bytes = new TextEncoder().encode('ä')
  write(bytes.slice(0, 1))
  write(bytes.slice(1))
  expect(run.output).toEqual([{ stream: 'stdout', text: 'ä' }])
})

test('output is bounded', async () => {
  await start()
  for (let count = 0; count < 5; count += 1) write('x'.repeat(100_000))
  expect(run.output[0]?.text.length).toBe(200_000)
})

test('second attempt of the job shows its output only', async () => {
  await start()
  write('first')
  listener.onEvent({ type: 'started', cursor: '2', attempt: 2 })
  write('second')
  expect(run.output).toEqual([{ stream: 'stdout', text: 'second' }])
})

test('stop before the job exists cancels the job later', async () => {
  const stop = runEmbedded(LANGUAGE, PROGRAM, (next) => (run = next), onResult)
  stop()
  expect(run).toMatchObject({ isActive: false, status: { text: 'Stopped by you' } })
  await vi.waitFor(() => expect(cancelUntilAccepted).toHaveBeenCalledWith('job'))
  expect(openJobStream).not.toHaveBeenCalled()
})

test('rejected submission is reported', async () => {
  vi.mocked(submitJob).mockRejectedValue(new Error('no'))
  runEmbedded(LANGUAGE, PROGRAM, (next) => (run = next), onResult)
  await vi.waitFor(() => expect(run).toMatchObject({ isActive: false, status: { tone: 'bad' } }))
})
