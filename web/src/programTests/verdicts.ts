/** The result of each test in the last run. */
import type { TestReport } from '../api/streamEvents'
import type { OutputLog } from '../output/outputLog'
import { testName } from '../program/testCase'
import { isActive, type RunState, runContext } from '../run/runState'

export type VerdictStatus = 'passed' | 'failed' | 'ran' | 'running' | 'skipped'

export interface Verdict {
  status: VerdictStatus
  /** Null until the test has run. */
  report: TestReport | null
  /** The expected output at the time of the run; the test may have been edited since. */
  expected: string
  stdout: string
  stderr: string
}

/** Returns the verdicts by test name. The map is empty if the last run had no tests. */
export function collectVerdicts(run: RunState, output: OutputLog): Map<string, Verdict> {
  const reports = run.phase === 'finished' ? run.result.tests : []
  const tests = runContext(run)?.tests ?? []
  return new Map(
    tests.map((test, index) => {
      const name = testName(test, index)
      const report = reports.find((other) => other.name === name) ?? null
      const stdout = output.text('stdout', name)
      const stderr = output.text('stderr', name)
      return [name, { status: statusOf(report, run), report, expected: test.expected, stdout, stderr }]
    }),
  )
}

function statusOf(report: TestReport | null, run: RunState): VerdictStatus {
  if (!report) return isActive(run) ? 'running' : 'skipped'
  if (report.outcome === null) return 'skipped'
  if (report.passed === null) return report.outcome === 'ok' ? 'ran' : 'failed'
  return report.passed ? 'passed' : 'failed'
}
