import { expect, test } from 'vitest'
import { IDLE, isActive, nextState, type RunAction } from '../src/run/state'

const after = (...actions: RunAction[]) => actions.reduce(nextState, IDLE)
const ending = { tone: 'good' as const, text: 'Finished normally' }
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

test('a run goes from its submission to its end', () => {
  const begun = after(
    { type: 'submitted' },
    { type: 'accepted', jobId: 'a' },
    { type: 'started', attempt: 1 },
  )
  expect(begun).toMatchObject({ phase: 'running', jobId: 'a' })
  expect(isActive(begun)).toBe(true)

  const over = nextState(begun, { type: 'finished', result, ending, missing: null })
  expect(over).toMatchObject({ phase: 'finished', ending })
  expect(isActive(over)).toBe(false)
})

test('what comes late changes nothing', () => {
  const over = after({ type: 'accepted', jobId: 'a' }, { type: 'finished', result, ending, missing: null })

  expect(nextState(over, { type: 'phase', phase: 'run' })).toBe(over)
  expect(nextState(over, { type: 'stopping' })).toBe(over)
})

test('that it is being stopped is not forgotten when it starts', () => {
  const state = after({ type: 'accepted', jobId: 'a' }, { type: 'stopping' }, { type: 'started', attempt: 1 })

  expect(state).toMatchObject({ phase: 'running', stopping: true })
})
