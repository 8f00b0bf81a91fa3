import { Icon } from '../layout/Icon'
import { type Case, EMPTY_CASE, MOST_CASES, nameOf } from '../program/cases'
import type { Program } from '../program/program'
import type { RunController } from '../run/controller'
import { isActive, type RunState } from '../run/state'
import { CaseCard } from './CaseCard'
import { verdictsOf } from './verdicts'
import './cases.css'

interface Properties {
  run: RunController
  state: RunState
  program: Program
  onEdit(change: (program: Program) => Program): void
  onRun(): void
}

/** The tests of the program, each with what became of it in the last run. */
export default function CasesPane({ run, state, program, onEdit, onRun }: Properties) {
  const { tests } = program
  const verdicts = verdictsOf(run, state)
  const put = (change: (tests: Case[]) => Case[]) =>
    onEdit((current) => ({ ...current, tests: change(current.tests) }))
  return (
    <div className="cases">
      <div className="cases-head">
        <button
          type="button"
          className="button outlined"
          disabled={tests.length === 0 || isActive(state)}
          onClick={onRun}
        >
          <Icon name="run" />
          Run tests
        </button>
        <button
          type="button"
          className="button"
          disabled={tests.length >= MOST_CASES}
          onClick={() => put((all) => [...all, EMPTY_CASE])}
        >
          <Icon name="add" />
          Add a test
        </button>
      </div>
      {tests.length === 0 && (
        <p className="cases-empty">
          A test runs the program on an input and compares what it writes with what you expect. Each runs in a
          fresh process; a program in a compiled language is compiled once.
        </p>
      )}
      <ol className="case-list">
        {tests.map((test, index) => (
          <CaseCard
            key={index}
            test={test}
            name={nameOf(test, index)}
            verdict={verdicts.get(nameOf(test, index)) ?? null}
            onChange={(change) =>
              put((all) => all.map((one, at) => (at === index ? { ...one, ...change } : one)))
            }
            onRemove={() => put((all) => all.filter((_, at) => at !== index))}
          />
        ))}
      </ol>
    </div>
  )
}
