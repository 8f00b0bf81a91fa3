import { Icon } from '../components/Icon'
import { formatSeconds } from '../format'
import type { TestCase } from '../program/testCase'
import { TestResult } from './TestResult'
import type { Verdict } from './verdicts'

interface Props {
  test: TestCase
  /** Its name in the results. */
  name: string
  /** Why the server rejected it. */
  error: string | null
  verdict: Verdict | null
  onChange(change: Partial<TestCase>): void
  onRemove(): void
}

const VERDICT_LABELS = {
  passed: { text: 'Passed', tone: 'good' },
  failed: { text: 'Failed', tone: 'bad' },
  ran: { text: 'Ran', tone: 'quiet' },
  running: { text: 'Running…', tone: 'busy' },
  skipped: { text: 'Not run', tone: 'warn' },
} as const

/** A test: its name, its fields and its result. */
export function TestCard({ test, name, error, verdict, onChange, onRemove }: Props) {
  const label = verdict && VERDICT_LABELS[verdict.status]
  return (
    <li className="test">
      <div className="test-head">
        <input
          className="field test-name"
          aria-label={`Name of test ${name}`}
          placeholder={`Test ${name}`}
          value={test.name}
          onChange={(event) => onChange({ name: event.target.value })}
        />
        {label && <b className={`tone-${label.tone}`}>{label.text}</b>}
        {verdict?.report && <span className="test-time">{formatSeconds(verdict.report.wall_seconds)}</span>}
        <button type="button" className="button" aria-label={`Remove test ${name}`} onClick={onRemove}>
          <Icon name="close" />
        </button>
      </div>
      {error && (
        <p className="tone-bad" role="alert">
          {error}.
        </p>
      )}
      <TestFields test={test} name={name} onChange={onChange} />
      {verdict?.report && verdict.status !== 'passed' && (
        <TestResult
          verdict={verdict}
          report={verdict.report}
          onAccept={() => onChange({ expected: verdict.stdout })}
        />
      )}
    </li>
  )
}

const TEXT_FIELDS = [
  { field: 'stdin', label: 'Input', placeholder: 'no input' },
  { field: 'expected', label: 'Expected output', placeholder: 'not compared' },
] as const

function TestFields({ test, name, onChange }: Pick<Props, 'test' | 'name' | 'onChange'>) {
  return (
    <div className="test-fields">
      {TEXT_FIELDS.map(({ field, label, placeholder }) => (
        <label key={field}>
          {label}
          <textarea
            className="field"
            aria-label={`${label} of test ${name}`}
            placeholder={placeholder}
            rows={3}
            spellCheck={false}
            value={test[field]}
            onChange={(event) => onChange({ [field]: event.target.value })}
          />
        </label>
      ))}
      <label>
        Arguments
        <input
          className="field"
          aria-label={`Arguments of test ${name}`}
          placeholder="as the program"
          spellCheck={false}
          value={test.args}
          onChange={(event) => onChange({ args: event.target.value })}
        />
      </label>
      <label>
        Time limit (s)
        <input
          className="field"
          type="number"
          min="0.1"
          step="any"
          aria-label={`Time limit of test ${name} in seconds`}
          placeholder="as the program"
          value={test.wallSeconds ?? ''}
          onChange={(event) =>
            onChange({ wallSeconds: event.target.value === '' ? null : Number(event.target.value) })
          }
        />
      </label>
    </div>
  )
}
