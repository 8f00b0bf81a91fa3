/** Test data that several test files share. */
import type { Language } from '../src/api/languages'
import type { Result, TestReport } from '../src/api/streamEvents'
import type { RunContext } from '../src/run/runContext'

export const LANGUAGE: Language = {
  id: 'python',
  name: 'Python',
  version: '3.11.2',
  version_of: null,
  file_name: 'main.py',
  template: 'print(1)',
  compile: [],
  run: ['python3', '{entrypoint}'],
  packages: [],
  limits: { wall_seconds: limitRange(10, 30), cpu_seconds: limitRange(10, 300) },
}

export const RESULT: Result = {
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

export const CONTEXT: RunContext = { language: 'python', input: 'terminal', tests: [], files: [], limits: {} }

export function testReport(name: string, passed: boolean | null, outcome = 'ok'): TestReport {
  return {
    name,
    passed,
    outcome,
    exit_code: 0,
    signal: null,
    message: '',
    wall_seconds: 0.1,
    memory_peak_bytes: 1,
  }
}

function limitRange(defaultValue: number, maximum: number) {
  return { default: defaultValue, minimum: 0, maximum, unit: '', description: '' }
}
