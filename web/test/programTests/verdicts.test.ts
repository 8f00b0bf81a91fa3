import { expect, test } from 'vitest'
import { OutputLog } from '../../src/output/outputLog'
import { collectVerdicts } from '../../src/programTests/verdicts'
import { outcomeText } from '../../src/run/resultText'
import type { RunState } from '../../src/run/runState'
import { CONTEXT, RESULT, testReport } from '../fixtures'

const testCase = (name: string) => ({ name, stdin: '', args: '', expected: 'x', wallSeconds: null })

test('collectVerdicts returns the status and the output of each test', () => {
  const output = new OutputLog()
  for (const name of ['one', '2']) {
    output.startTest(name)
    output.append('stdout', new TextEncoder().encode(`of ${name}`))
  }
  const run: RunState = {
    phase: 'finished',
    jobId: 'a',
    context: { ...CONTEXT, tests: [testCase('one'), testCase(''), testCase('never')] },
    isResumed: false,
    result: { ...RESULT, tests: [testReport('one', true), testReport('2', false)] },
    outcome: { tone: 'bad', text: '' },
    truncation: null,
  }

  const verdicts = collectVerdicts(run, output)

  expect([...verdicts].map(([name, { status, stdout }]) => [name, status, stdout])).toEqual([
    ['one', 'passed', 'of one'],
    ['2', 'failed', 'of 2'],
    ['never', 'skipped', ''],
  ])
})

test.each([
  [[testReport('1', true), testReport('2', true)], 'All 2 tests passed'],
  [[testReport('1', true)], 'The test passed'],
  [[testReport('1', true), testReport('2', false)], '1 of 2 tests failed'],
  [[testReport('1', null, 'nonzero_exit')], '1 of 1 test failed'],
  [[testReport('1', null)], '1 test ran without expected output'],
])('outcomeText counts the tests: case %# is %s', (tests, text) => {
  const outcome = tests.find((report) => report.outcome !== 'ok')?.outcome ?? 'ok'

  expect(outcomeText({ ...RESULT, outcome, tests }, {}).text).toBe(text)
})
