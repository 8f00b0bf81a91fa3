import { beforeEach, expect, test, vi } from 'vitest'
import type { JobOwner } from '../../src/run/job'
import { runController } from '../../src/run/runController'
import { useStore } from '../../src/store'
import { storedItems } from '../fakeStorage'
import { CONTEXT, LANGUAGE, RESULT } from '../fixtures'

const job = vi.hoisted(() => ({
  owner: null as unknown,
  cancel: vi.fn(async () => {}),
  startJob: vi.fn(),
}))

vi.mock('../../src/run/job', () => ({
  startJob: job.startJob,
  followJob: (owner: unknown) => {
    job.owner = owner
    return { send: () => {}, reconnect: () => {}, cancel: job.cancel, close: () => {} }
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
  job.cancel.mockClear()
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

test('stop before the job exists cancels it later', async () => {
  runController.start('program')
  runController.stop()

  await vi.waitFor(() => expect(job.cancel).toHaveBeenCalledOnce())
  expect(getRun()).toMatchObject({ isStopping: true })
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
