import type { TestReport } from '../api/streamEvents'
import { capitalize } from '../format'
import { type DiffLine, lineDiff } from './lineDiff'
import type { Verdict } from './verdicts'

interface Props {
  verdict: Verdict
  report: TestReport
  /** Called to make the actual output the expected one. */
  onAccept(): void
}

const MAX_CHARACTERS = 20_000

/** Why a test failed: the outcome of the program, the difference of its output, and its stderr. */
export function TestResult({ verdict, report, onAccept }: Props) {
  const { expected, stdout, stderr } = verdict
  const hasDiff = report.passed === false && expected !== ''
  return (
    <div className="test-result">
      {report.outcome !== 'ok' && <p className="tone-bad">{capitalize(report.message)}</p>}
      {hasDiff && <Diff lines={lineDiff(expected, stdout)} />}
      {!hasDiff && stdout && <OutputText title="Output" text={stdout} />}
      {stderr && <OutputText title="stderr" text={stderr} />}
      {report.outcome === 'ok' && stdout && (
        <button type="button" className="button outlined" onClick={onAccept}>
          Use as expected output
        </button>
      )}
    </div>
  )
}

const LINE_PREFIXES = { same: ' ', missing: '−', extra: '+', gap: '⋯' }

function Diff({ lines }: { lines: DiffLine[] }) {
  return (
    <figure className="diff">
      <figcaption>
        <span className="missing">− expected</span> <span className="extra">+ actual</span>
      </figcaption>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: keyboard users must be able to scroll it */}
      <pre tabIndex={0}>
        {lines.map(({ kind, text }, at) => (
          <span key={at} className={kind}>
            {LINE_PREFIXES[kind]} {text}
            {'\n'}
          </span>
        ))}
      </pre>
    </figure>
  )
}

function OutputText({ title, text }: { title: string; text: string }) {
  const isLong = text.length > MAX_CHARACTERS
  return (
    <figure className="diff">
      <figcaption>{isLong ? `${title}: the first 20,000 characters` : title}</figcaption>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: keyboard users must be able to scroll it */}
      <pre tabIndex={0}>{text.slice(0, MAX_CHARACTERS)}</pre>
    </figure>
  )
}
