import { Icon } from '../layout/Icon'
import type { Case } from '../program/cases'
import { seconds } from '../run/units'
import { CaseResult } from './CaseResult'
import type { Verdict } from './verdicts'

interface Properties {
  test: Case
  /** What it is called in the results. */
  name: string
  verdict: Verdict | null
  onChange(change: Partial<Case>): void
  onRemove(): void
}

const VERDICTS = {
  passed: { text: 'Passed', tone: 'good' },
  failed: { text: 'Failed', tone: 'bad' },
  ran: { text: 'Ran', tone: 'quiet' },
  running: { text: 'Running…', tone: 'busy' },
  skipped: { text: 'Did not run', tone: 'warn' },
} as const

/** One test: what it is given, what is expected, and what became of it. */
export function CaseCard({ test, name, verdict, onChange, onRemove }: Properties) {
  const shown = verdict && VERDICTS[verdict.kind]
  return (
    <li className="case">
      <div className="case-head">
        <input
          className="field case-name"
          aria-label={`Name of test ${name}`}
          placeholder={`Test ${name}`}
          value={test.name}
          onChange={(event) => onChange({ name: event.target.value })}
        />
        {shown && <b className={`tone-${shown.tone}`}>{shown.text}</b>}
        {verdict?.report && <span className="case-time">{seconds(verdict.report.wall_seconds)}</span>}
        <button type="button" className="button" aria-label={`Remove test ${name}`} onClick={onRemove}>
          <Icon name="close" />
        </button>
      </div>
      <CaseFields test={test} name={name} onChange={onChange} />
      {verdict?.report && verdict.kind !== 'passed' && (
        <CaseResult
          verdict={verdict}
          report={verdict.report}
          onAccept={() => onChange({ expected: verdict.stdout })}
        />
      )}
    </li>
  )
}

const TEXTS = [
  { field: 'stdin', text: 'Input', hint: 'empty' },
  { field: 'expected', text: 'Expected output', hint: 'not compared while this is empty' },
] as const

function CaseFields({ test, name, onChange }: Pick<Properties, 'test' | 'name' | 'onChange'>) {
  return (
    <div className="case-fields">
      {TEXTS.map(({ field, text, hint }) => (
        <label key={field}>
          {text}
          <textarea
            className="field"
            aria-label={`${text} of test ${name}`}
            placeholder={hint}
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
          placeholder="the program’s"
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
          placeholder="the program’s"
          value={test.wallSeconds ?? ''}
          onChange={(event) =>
            onChange({ wallSeconds: event.target.value === '' ? null : Number(event.target.value) })
          }
        />
      </label>
    </div>
  )
}
