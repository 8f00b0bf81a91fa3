import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  activeInput,
  IDLE,
  isActive,
  isUnfinished,
  nextRunState,
  type RunAction,
  type RunState,
  runContext,
} from '../../src/run/runState'
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
  const running = reduce({ type: 'submitted', input: 'terminal' }, accepted, { type: 'started', attempt: 1 })
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
  expect(
    runContext(reduce({ type: 'submitted', input: 'terminal' }, { type: 'failed', error: new Error() })),
  ).toBeNull()
})

test('only a submission or an accepted job makes a run active, and a finished run never changes by late actions', () => {
  const actions: RunAction[] = [
    { type: 'submitted', input: 'terminal' },
    { type: 'withdrawn' },
    accepted,
    finished,
    { type: 'queue', position: 1, reason: null },
    { type: 'started', attempt: 1 },
    { type: 'phase', phase: 'compile' },
    { type: 'connection', connection: { state: 'open' } },
    { type: 'stopping' },
    { type: 'failed', error: new Error('no') },
    { type: 'cleared' },
  ]
  const starts = new Set(['submitted', 'accepted'])
  const resets = new Set([...starts, 'failed', 'cleared'])
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...actions), { maxLength: 20 }), (sequence) => {
      let run: RunState = IDLE
      for (const action of sequence) {
        const next = nextRunState(run, action)
        if (!isActive(run) && !starts.has(action.type)) expect(isActive(next)).toBe(false)
        if (run.phase === 'finished' && !resets.has(action.type)) expect(next).toBe(run)
        if (isUnfinished(run) && run.isStopping && isUnfinished(next) && action.type !== 'accepted')
          expect(next.isStopping).toBe(true)
        expect(activeInput(next) !== null).toBe(isActive(next))
        run = next
      }
    }),
  )
})
