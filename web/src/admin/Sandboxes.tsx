import { seriesOf, total } from './figures'
import type { Figures } from './schema'
import { count, duration } from './words'

const SINCE_START = [
  ['Orphaned, removed', 'pyxec_sandboxes_orphaned_total'],
  ['Messages taken over', 'pyxec_recovered_total'],
  ['Late writes refused', 'pyxec_fenced_total'],
  ['Outputs cut off', 'pyxec_output_truncated_total'],
  ['Requests refused', 'pyxec_rejected_total'],
] as const

/** The containers: how many run, how many wait warm, and how often one was there in time. */
export function Sandboxes({ figures }: { figures: Figures }) {
  const languages = languagesOf(figures)
  return (
    <section className="card" aria-labelledby="sandboxes-title">
      <h2 id="sandboxes-title">Sandboxes</h2>
      <dl className="facts">
        <Fact name="Running" value={total(figures, 'pyxec_sandboxes_running')} />
        <Fact name="Warm" value={total(figures, 'pyxec_pool_idle')} />
        {SINCE_START.map(([name, metric]) => (
          <Fact key={metric} name={name} value={total(figures, metric)} />
        ))}
      </dl>
      {languages.length > 0 && (
        <table className="figures-table">
          <thead>
            <tr>
              <th scope="col">Language</th>
              <th scope="col">Warm now</th>
              <th scope="col">Jobs that found one</th>
              <th scope="col">Mean start</th>
            </tr>
          </thead>
          <tbody>
            {languages.map((language) => (
              <LanguageRow key={language} language={language} figures={figures} />
            ))}
          </tbody>
        </table>
      )}
      <p className="muted small">What is counted is counted since the service was first started.</p>
    </section>
  )
}

function Fact({ name, value }: { name: string; value: number }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{count(value)}</dd>
    </div>
  )
}

function LanguageRow({ language, figures }: { language: string; figures: Figures }) {
  const of = (metric: string) => total(figures, metric, (labels) => labels.language === language)
  const hits = of('pyxec_pool_hits_total')
  const jobs = hits + of('pyxec_pool_misses_total')
  const starts = seriesOf(figures, 'pyxec_container_start_seconds').find(
    ({ labels }) => labels.language === language,
  )
  return (
    <tr>
      <th scope="row">{language}</th>
      <td>{count(of('pyxec_pool_idle'))}</td>
      <td>{jobs === 0 ? '–' : `${Math.round((100 * hits) / jobs)} % of ${count(jobs)}`}</td>
      <td>{starts?.count ? duration((starts.sum ?? 0) / starts.count) : '–'}</td>
    </tr>
  )
}

function languagesOf(figures: Figures): string[] {
  const metrics = ['pyxec_pool_idle', 'pyxec_pool_hits_total', 'pyxec_pool_misses_total']
  const named = metrics.flatMap((metric) =>
    seriesOf(figures, metric).flatMap(({ labels }) => labels.language ?? []),
  )
  return [...new Set(named)].sort()
}
