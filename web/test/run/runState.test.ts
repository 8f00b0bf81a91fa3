import { expect, test } from 'vitest'
import { IDLE, isActive, nextRunState, type RunAction, runContext } from '../../src/run/runState'
import { CONTEXT, RESULT } from '../fixtures'

const reduce = (...actions: RunAction[]) => actions.reduce(nextRunState, IDLE)
const accepted = { type: 'accepted' as const, jobId: 'a', context: CONTEXT, isResumed: false }
const finished = {
  type: 'finished' as const,
  result: RESULT,
  outcome: { tone: 'good' as const, text: 'Finished normally' },
  truncation: null,
}

test('run is active from its submission to its result', () => {
  const running = reduce({ type: 'submitted' }, accepted, { type: 'started', attempt: 1 })
  expect(running).toMatchObject({ phase: 'running', jobId: 'a' })
  expect(isActive(running)).toBe(true)

  const done = nextRunState(running, finished)
  expect(done).toMatchObject({ phase: 'finished', outcome: finished.outcome })
  expect(isActive(done)).toBe(false)
})

test('finished run ignores late actions', () => {
  const done = reduce(accepted, finished)

  expect(nextRunState(done, { type: 'phase', phase: 'run' })).toBe(done)
  expect(nextRunState(done, { type: 'stopping' })).toBe(done)
})

test('stopping run is still stopping after it starts', () => {
  const run = reduce(accepted, { type: 'stopping' }, { type: 'started', attempt: 1 })

  expect(run).toMatchObject({ phase: 'running', isStopping: true })
})

test('failed run keeps the context of its job', () => {
  expect(runContext(reduce(accepted, { type: 'failed', error: new Error() }))).toBe(CONTEXT)
  expect(runContext(reduce({ type: 'submitted' }, { type: 'failed', error: new Error() }))).toBeNull()
})
