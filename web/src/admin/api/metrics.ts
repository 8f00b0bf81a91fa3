/** Access to the metrics in a response of /v1/admin/metrics. */
import type { Bucket, Metrics, Series } from './schema'

/** Returns the series of a metric; empty if the server does not have the metric. */
export function metricSeries({ metrics }: Metrics, name: string): Series[] {
  return metrics.find((metric) => metric.name === name)?.series ?? []
}

/** Returns the sum of a counter or gauge over all series, or over those whose labels match. */
export function sumMetric(
  metrics: Metrics,
  name: string,
  matches: (labels: Series['labels']) => boolean = () => true,
): number {
  return metricSeries(metrics, name)
    .filter(({ labels }) => matches(labels))
    .reduce((sum, { value }) => sum + (value ?? 0), 0)
}

/** Returns the buckets of a histogram without labels. */
export function histogramBuckets(metrics: Metrics, name: string): Bucket[] {
  return metricSeries(metrics, name)[0]?.buckets ?? []
}
