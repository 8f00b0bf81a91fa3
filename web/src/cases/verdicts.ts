/** What became of each test in the last run. */
import type { CaseReport } from '../api/events'
import { nameOf } from '../program/cases'
import type { RunController } from '../run/controller'
import { isActive, type RunState } from '../run/state'

export interface Verdict {
  kind: 'passed' | 'failed' | 'ran' | 'running' | 'skipped'
  report: CaseReport | null
  /** What was expected when it was run: the test may have been edited since. */
  expected: string
  stdout: string
  stderr: string
}

/** By the names of the tests; nothing where the last run was none of tests. */
export function verdictsOf(run: RunController, state: RunState): Map<string, Verdict> {
  const verdicts = new Map<string, Verdict>()
  const reports = state.phase === 'finished' ? state.result.tests : []
  run.context?.tests.forEach((test, index) => {
    const name = nameOf(test, index)
    const report = reports.find((one) => one.name === name) ?? null
    const stdout = run.output.text('stdout', name)
    const stderr = run.output.text('stderr', name)
    verdicts.set(name, { kind: kindOf(report, state), report, expected: test.expected, stdout, stderr })
  })
  return verdicts
}

function kindOf(report: CaseReport | null, state: RunState): Verdict['kind'] {
  if (!report) return isActive(state) ? 'running' : 'skipped'
  if (report.passed === null) return report.outcome === 'ok' ? 'ran' : 'failed'
  return report.passed ? 'passed' : 'failed'
}
