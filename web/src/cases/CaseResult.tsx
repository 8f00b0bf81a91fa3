import type { CaseReport } from '../api/events'
import { type DiffLine, lineDiff } from './diff'
import type { Verdict } from './verdicts'

interface Properties {
  verdict: Verdict
  report: CaseReport
  /** Takes what was written for what is expected from now on. */
  onAccept(): void
}

const MOST_CHARACTERS = 20_000

/** Why a test failed: how the program ended, where its output differs, what it complained of. */
export function CaseResult({ verdict, report, onAccept }: Properties) {
  const { expected, stdout, stderr } = verdict
  const isWrong = report.passed === false && expected !== ''
  return (
    <div className="case-result">
      {report.outcome !== 'ok' && <p className="tone-bad">{capital(report.message)}</p>}
      {isWrong && <Diff lines={lineDiff(expected, stdout)} />}
      {!isWrong && stdout && <Text title="Output" text={stdout} />}
      {stderr && <Text title="Errors" text={stderr} />}
      {report.outcome === 'ok' && stdout && (
        <button type="button" className="button outlined" onClick={onAccept}>
          Expect this output
        </button>
      )}
    </div>
  )
}

const SIGNS = { same: ' ', missing: '−', extra: '+', gap: '⋯' }

function Diff({ lines }: { lines: DiffLine[] }) {
  return (
    <figure className="diff">
      <figcaption>
        <span className="missing">− expected</span> <span className="extra">+ written</span>
      </figcaption>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, also for who has no mouse */}
      <pre tabIndex={0}>
        {lines.map(({ kind, text }, at) => (
          <span key={at} className={kind}>
            {SIGNS[kind]} {text}
            {'\n'}
          </span>
        ))}
      </pre>
    </figure>
  )
}

function Text({ title, text }: { title: string; text: string }) {
  const isLong = text.length > MOST_CHARACTERS
  return (
    <figure className="diff">
      <figcaption>{isLong ? `${title}: the first 20 000 characters` : title}</figcaption>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, also for who has no mouse */}
      <pre tabIndex={0}>{text.slice(0, MOST_CHARACTERS)}</pre>
    </figure>
  )
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}
