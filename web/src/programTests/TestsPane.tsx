import { Icon } from '../components/Icon'
import { offerUndo } from '../notices/notices'
import { editProgram } from '../program/programActions'
import { EMPTY_TEST, MAX_TESTS, type TestCase, testName } from '../program/testCase'
import { runController } from '../run/runController'
import { isActive } from '../run/runState'
import { useFieldError } from '../run/useFieldError'
import { currentProgram, useStore } from '../store'
import { TestCard } from './TestCard'
import { collectVerdicts } from './verdicts'
import './programTests.css'

/** The tests of the program, each with its verdict in the last run. */
export default function TestsPane() {
  const { tests } = useStore(currentProgram)
  const run = useStore((state) => state.run)
  const error = useFieldError()
  const verdicts = collectVerdicts(run, runController.output)
  return (
    <div className="tests">
      <div className="tests-head">
        <button
          type="button"
          className="button outlined"
          disabled={tests.length === 0 || isActive(run)}
          onClick={() => runController.start('tests')}
        >
          <Icon name="run" />
          Run tests
        </button>
        <button
          type="button"
          className="button"
          disabled={tests.length >= MAX_TESTS}
          onClick={() => editTests((all) => [...all, EMPTY_TEST])}
        >
          <Icon name="add" />
          Add a test
        </button>
      </div>
      {tests.length === 0 && (
        <p className="tests-empty">
          A test runs the program with an input and compares its output with the expected output. Each test
          runs in a new process. The program is compiled once.
        </p>
      )}
      <ol className="test-list">
        {tests.map((test, index) => (
          <TestCard
            key={index}
            test={test}
            name={testName(test, index)}
            error={error?.target.kind === 'test' && error.target.index === index ? error.text : null}
            verdict={verdicts.get(testName(test, index)) ?? null}
            onChange={(change) =>
              editTests((all) => all.map((other, at) => (at === index ? { ...other, ...change } : other)))
            }
            onRemove={() => removeTest(test, index)}
          />
        ))}
      </ol>
    </div>
  )
}

function removeTest(test: TestCase, index: number): void {
  const { revision } = useStore.getState()
  editTests((all) => all.filter((_, at) => at !== index))
  offerUndo(`Test ${testName(test, index)} was removed.`, () => {
    if (useStore.getState().revision === revision) editTests((all) => all.toSpliced(index, 0, test))
  })
}

function editTests(change: (tests: TestCase[]) => TestCase[]): void {
  editProgram((program) => ({ ...program, tests: change(program.tests) }))
}
