import { metricSeries, sumMetric } from '../api/metrics'
import type { Metrics } from '../api/schema'
import { formatCount, formatDuration } from '../format'

const COUNTERS = [
  ['Orphans removed', 'pyxec_sandboxes_orphaned_total'],
  ['Messages recovered', 'pyxec_recovered_total'],
  ['Late writes rejected', 'pyxec_fenced_total'],
  ['Outputs truncated', 'pyxec_output_truncated_total'],
  ['Requests rejected', 'pyxec_rejected_total'],
] as const

/** The sandboxes that run, the warm pool of each language, and counters of rare events. */
export function SandboxStats({ metrics }: { metrics: Metrics }) {
  const languages = pooledLanguages(metrics)
  return (
    <section className="card" aria-labelledby="sandboxes-title">
      <h2 id="sandboxes-title">Sandboxes</h2>
      <dl className="facts">
        <Fact name="Running" value={sumMetric(metrics, 'pyxec_sandboxes_running')} />
        <Fact name="Warm" value={sumMetric(metrics, 'pyxec_pool_idle')} />
        {COUNTERS.map(([name, metric]) => (
          <Fact key={metric} name={name} value={sumMetric(metrics, metric)} />
        ))}
      </dl>
      {languages.length > 0 && (
        <table className="stats-table">
          <thead>
            <tr>
              <th scope="col">Language</th>
              <th scope="col">Warm sandboxes</th>
              <th scope="col">Warm starts</th>
              <th scope="col">Mean start time</th>
            </tr>
          </thead>
          <tbody>
            {languages.map((language) => (
              <LanguageRow key={language} language={language} metrics={metrics} />
            ))}
          </tbody>
        </table>
      )}
      <p className="muted small">Counters start when the service is first started.</p>
    </section>
  )
}

function Fact({ name, value }: { name: string; value: number }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{formatCount(value)}</dd>
    </div>
  )
}

function LanguageRow({ language, metrics }: { language: string; metrics: Metrics }) {
  const sum = (name: string) => sumMetric(metrics, name, (labels) => labels.language === language)
  const hits = sum('pyxec_pool_hits_total')
  const jobs = hits + sum('pyxec_pool_misses_total')
  const startTimes = metricSeries(metrics, 'pyxec_container_start_seconds').find(
    ({ labels }) => labels.language === language,
  )
  return (
    <tr>
      <th scope="row">{language}</th>
      <td>{formatCount(sum('pyxec_pool_idle'))}</td>
      <td>{jobs === 0 ? '–' : `${Math.round((100 * hits) / jobs)} % of ${formatCount(jobs)}`}</td>
      <td>{startTimes?.count ? formatDuration((startTimes.sum ?? 0) / startTimes.count) : '–'}</td>
    </tr>
  )
}

function pooledLanguages(metrics: Metrics): string[] {
  const names = ['pyxec_pool_idle', 'pyxec_pool_hits_total', 'pyxec_pool_misses_total']
  const languages = names.flatMap((name) =>
    metricSeries(metrics, name).flatMap(({ labels }) => labels.language ?? []),
  )
  return [...new Set(languages)].sort()
}
