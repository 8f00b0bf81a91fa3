import { expect, test } from 'vitest'
import { verdictsOf } from '../src/cases/verdicts'
import type { RunController } from '../src/run/controller'
import { endingOf } from '../src/run/ending'
import { Output } from '../src/run/output'
import type { RunState } from '../src/run/state'

const report = (name: string, passed: boolean | null, outcome = 'ok') => ({
  name,
  passed,
  outcome,
  exit_code: 0,
  signal: null,
  message: '',
  wall_seconds: 0.1,
  memory_peak_bytes: 1,
})
const result = (...tests: ReturnType<typeof report>[]) => ({
  outcome: tests.find((one) => one.outcome !== 'ok')?.outcome ?? 'ok',
  exit_code: 0,
  signal: null,
  message: '',
  usage: null,
  phases: [],
  tests,
  artifacts: [],
  artifacts_incomplete: false,
  version: null,
})
const testNamed = (name: string) => ({ name, stdin: '', args: '', expected: 'x', wallSeconds: null })

test('each test has its own verdict and its own output', () => {
  const output = new Output()
  for (const name of ['one', '2']) {
    output.beginTest(name)
    output.append('stdout', new TextEncoder().encode(`of ${name}`))
  }
  const context = { tests: [testNamed('one'), testNamed(''), testNamed('never')] }
  const state = { phase: 'finished', result: result(report('one', true), report('2', false)) }

  const verdicts = verdictsOf({ output, context } as unknown as RunController, state as unknown as RunState)

  expect([...verdicts].map(([name, { kind, stdout }]) => [name, kind, stdout])).toEqual([
    ['one', 'passed', 'of one'],
    ['2', 'failed', 'of 2'],
    ['never', 'skipped', ''],
  ])
})

test.each([
  [[report('1', true), report('2', true)], 'All 2 tests passed'],
  [[report('1', true)], 'The test passed'],
  [[report('1', true), report('2', false)], '1 of 2 tests failed'],
  [[report('1', null, 'nonzero_exit')], '1 of 1 test failed'],
  [[report('1', null)], '1 test ran; nothing was expected'],
])('%# is told as %s', (tests, told) => {
  expect(endingOf(result(...tests), {}).text).toBe(told)
})
