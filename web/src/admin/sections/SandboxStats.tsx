import { metricSeries, sumMetric } from '../api/metrics'
import type { Metrics } from '../api/schema'
import { formatCount, formatDuration } from '../format'
import { StatsTable } from './StatsTable'

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
        <StatsTable
          rows={languages.map((language) => readLanguageStats(language, metrics))}
          rowKey={({ language }) => language}
          columns={[
            { title: 'Language', cell: ({ language }) => language },
            { title: 'Warm sandboxes', cell: ({ idle }) => formatCount(idle) },
            { title: 'Warm starts', cell: ({ warmStarts }) => warmStarts },
            { title: 'Mean start time', cell: ({ startTime }) => startTime },
          ]}
        />
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

function readLanguageStats(language: string, metrics: Metrics) {
  const sum = (name: string) => sumMetric(metrics, name, (labels) => labels.language === language)
  const hits = sum('pyxec_pool_hits_total')
  const jobs = hits + sum('pyxec_pool_misses_total')
  const startTimes = metricSeries(metrics, 'pyxec_container_start_seconds').find(
    ({ labels }) => labels.language === language,
  )
  return {
    language,
    idle: sum('pyxec_pool_idle'),
    warmStarts: jobs === 0 ? '–' : `${Math.round((100 * hits) / jobs)} % of ${formatCount(jobs)}`,
    startTime: startTimes?.count ? formatDuration((startTimes.sum ?? 0) / startTimes.count) : '–',
  }
}

function pooledLanguages(metrics: Metrics): string[] {
  const names = ['pyxec_pool_idle', 'pyxec_pool_hits_total', 'pyxec_pool_misses_total']
  const languages = names.flatMap((name) =>
    metricSeries(metrics, name).flatMap(({ labels }) => labels.language ?? []),
  )
  return [...new Set(languages)].sort()
}
