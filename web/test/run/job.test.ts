import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { fetchQueueState } from '../../src/api/jobs'
import { OutputLog } from '../../src/output/outputLog'
import { newProgram } from '../../src/program/program'
import { followJob } from '../../src/run/job'
import { IDLE, nextRunState, type RunState } from '../../src/run/runState'
import { statusText } from '../../src/run/statusText'
import { CONTEXT, LANGUAGE } from '../fixtures'

vi.mock('../../src/api/jobStream', () => ({
  openJobStream: () => ({ send: () => {}, reconnect: () => {}, close: () => {} }),
}))
vi.mock('../../src/api/jobs', () => ({ fetchQueueState: vi.fn() }))

beforeEach(() => {
  vi.useFakeTimers()
})

afterEach(() => {
  vi.useRealTimers()
})

/** Returns functions that read the status text and close the job. */
function followQueuedJob() {
  let run: RunState = nextRunState(IDLE, {
    type: 'accepted',
    jobId: 'a',
    context: CONTEXT,
    isResumed: false,
  })
  run = nextRunState(run, { type: 'connection', connection: { state: 'open' } })
  const job = followJob({
    jobId: 'a',
    context: CONTEXT,
    isResumed: false,
    output: new OutputLog(),
    getState: () => run,
    dispatch: (action) => {
      run = nextRunState(run, action)
    },
    onExpired: () => {},
  })
  return { close: job.close, status: () => statusText(run, newProgram(LANGUAGE), {}) }
}

test('status of a queued job states after five seconds why no worker runs it', async () => {
  vi.mocked(fetchQueueState).mockResolvedValue({ position: 1, reason: 'no-worker' })
  const { close, status } = followQueuedJob()

  await vi.advanceTimersByTimeAsync(4500)
  expect(status()).toEqual({ tone: 'busy', text: 'Queued: 1 program is ahead' })

  await vi.advanceTimersByTimeAsync(1000)
  expect(status()).toEqual({ tone: 'warn', text: 'Queued: no worker is available' })

  vi.mocked(fetchQueueState).mockResolvedValue({ position: 0, reason: null })
  await vi.advanceTimersByTimeAsync(1000)
  expect(status().text).toBe('Queued: waiting for a worker…')
  close()
})

test.each([
  ['queue-paused', 'Queued: an operator has paused the queue'],
  ['no-worker', 'Queued: no worker is available'],
  ['image-missing', 'Queued: no worker has the image of this language'],
  ['engine-not-answering', 'Queued: all workers are paused, because the engine does not answer'],
  ['engine-unsupported', 'Queued: all workers are paused, because the engine does not meet the requirements'],
  ['launches-fail', 'Queued: all workers are paused, because no sandbox can be started'],
  ['a-reason-of-a-newer-server', 'Queued: no worker can run the program (a-reason-of-a-newer-server)'],
])('status for the reason %s is %j', async (reason, text) => {
  vi.mocked(fetchQueueState).mockResolvedValue({ position: 0, reason })
  const { close, status } = followQueuedJob()

  await vi.advanceTimersByTimeAsync(5500)

  expect(status()).toEqual({ tone: 'warn', text })
  close()
})
