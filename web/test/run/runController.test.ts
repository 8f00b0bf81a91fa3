import fc from 'fast-check'
import { beforeEach, expect, test, vi } from 'vitest'
import type { JobOwner } from '../../src/run/job'
import { runController } from '../../src/run/runController'
import { isActive, isUnfinished } from '../../src/run/runState'
import { useStore } from '../../src/store'
import { storedItems } from '../fakeStorage'
import { CONTEXT, LANGUAGE, RESULT } from '../fixtures'

const job = vi.hoisted(() => ({
  owner: null as unknown,
  cancel: vi.fn(async () => {}),
  cancelUntilAccepted: vi.fn(async () => {}),
  send: vi.fn(),
  close: vi.fn(),
  startJob: vi.fn(),
}))

vi.mock('../../src/run/runFocus') // There is no document.

vi.mock('../../src/run/job', () => ({
  startJob: job.startJob,
  cancelUntilAccepted: job.cancelUntilAccepted,
  followJob: (owner: unknown) => {
    job.owner = owner
    return { send: job.send, reconnect: () => {}, cancel: job.cancel, close: job.close }
  },
}))

const initialState = useStore.getInitialState()
const getRun = () => useStore.getState().run
const finish = () =>
  (job.owner as JobOwner).dispatch({
    type: 'finished',
    result: RESULT,
    outcome: { tone: 'good', text: 'Finished normally' },
    truncation: null,
  })

beforeEach(() => {
  runController.clear()
  storedItems.clear()
  for (const mock of [job.cancel, job.cancelUntilAccepted, job.send, job.close]) mock.mockClear()
  job.startJob.mockReset().mockResolvedValue({ jobId: 'a', context: CONTEXT })
  useStore.setState({ ...initialState, languages: [LANGUAGE] })
})

test('start shows the output pane and follows the job', async () => {
  runController.start('program')

  expect(useStore.getState()).toMatchObject({ pane: 'output', outputTab: 'terminal' })
  expect(getRun().phase).toBe('submitting')
  await vi.waitFor(() => expect(getRun()).toMatchObject({ phase: 'queued', jobId: 'a' }))
})

test('start does nothing while a run is active, or without tests', () => {
  runController.start('tests')
  expect(getRun().phase).toBe('idle')

  runController.start('program')
  const run = getRun()
  runController.start('program')
  expect(getRun()).toBe(run)
})

test('stop before the job exists withdraws the run and cancels the job later', async () => {
  runController.start('program')
  runController.stop()

  expect(getRun()).toEqual({ phase: 'withdrawn' })
  await vi.waitFor(() => expect(job.cancelUntilAccepted).toHaveBeenCalledWith('a'))
  expect(getRun()).toEqual({ phase: 'withdrawn' })
})

test('stop of a job cancels it once', async () => {
  runController.start('program')
  await vi.waitFor(() => expect(getRun().phase).toBe('queued'))

  runController.stop()
  runController.stop()

  expect(job.cancel).toHaveBeenCalledOnce()
  expect(getRun()).toMatchObject({ isStopping: true })
})

test('input that is typed before the job exists is sent in order', async () => {
  runController.start('program')
  for (const data of ['a', 'b']) runController.send({ type: 'stdin', data })
  expect(job.send).not.toHaveBeenCalled()

  await vi.waitFor(() => expect(job.send).toHaveBeenCalledTimes(2))
  expect(job.send.mock.calls).toEqual([[{ type: 'stdin', data: 'a' }], [{ type: 'stdin', data: 'b' }]])
})

test('every job is followed to its end, or cancelled', async () => {
  const commands = fc.array(fc.constantFrom('start', 'stop', 'accept', 'reject', 'finish', 'clear'), {
    maxLength: 30,
  })
  await fc.assert(
    fc.asyncProperty(commands, async (names) => {
      runController.stop()
      runController.clear()
      job.cancelUntilAccepted.mockClear()
      const submissions: { resolve(id: string): void; reject(error: Error): void }[] = []
      const accepted: string[] = []
      const followed = new Set<string>()
      job.startJob.mockImplementation(
        () =>
          new Promise((resolve, reject) =>
            submissions.push({ resolve: (jobId) => resolve({ jobId, context: CONTEXT }), reject }),
          ),
      )
      for (const name of names) {
        const before = getRun()
        if (name === 'start') runController.start('program')
        else if (name === 'stop') runController.stop()
        else if (name === 'clear') runController.clear()
        else if (name === 'finish' && isUnfinished(before)) finish()
        else if (name === 'reject') submissions.shift()?.reject(new Error('no'))
        else if (name === 'accept' && submissions.length > 0) {
          accepted.push(`job ${accepted.length}`)
          submissions.shift()?.resolve(accepted.at(-1) ?? '')
        }
        await new Promise((resolve) => setTimeout(resolve))
        const run = getRun()
        if (isUnfinished(run)) followed.add(run.jobId)
        // Stop is never ignored, and only a start makes a run active.
        if (name === 'stop')
          expect(run.phase === 'submitting' || (isUnfinished(run) && !run.isStopping)).toBe(false)
        if (!isActive(before) && name !== 'start') expect(isActive(run)).toBe(false)
      }
      const cancelled = (job.cancelUntilAccepted.mock.calls as unknown[][]).map(([jobId]) => jobId)
      for (const jobId of accepted) expect(followed.has(jobId) !== cancelled.includes(jobId)).toBe(true)
      for (const { reject } of submissions) reject(new Error('end'))
    }),
    { numRuns: 40 },
  )
})

test('failed submission is reported', async () => {
  job.startJob.mockRejectedValue(new Error('no'))

  runController.start('program')

  await vi.waitFor(() => expect(getRun()).toMatchObject({ phase: 'failed', job: null }))
})

test('finished run is added to the history with its program', async () => {
  runController.start('program')
  await vi.waitFor(() => expect(getRun().phase).toBe('queued'))

  finish()

  await vi.waitFor(() => expect(storedItems.has('pyxec.history')).toBe(true))
  expect(JSON.parse(storedItems.get('pyxec.history') ?? '')).toMatchObject([
    { language: 'python', ending: 'Finished normally' },
  ])
})

test('resume follows the stored job and does not add it to the history again', async () => {
  storedItems.set('pyxec.run', JSON.stringify({ jobId: 'b', context: CONTEXT }))

  await runController.resume()
  expect(getRun()).toMatchObject({ jobId: 'b', isResumed: true })
  finish()

  await new Promise((resolve) => setTimeout(resolve, 10))
  expect(storedItems.has('pyxec.history')).toBe(false)
})
