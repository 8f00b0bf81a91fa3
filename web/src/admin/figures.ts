/** Reading one answer of /v1/admin/metrics. */
import type { Bucket, Figures, Series } from './schema'

/** Everything of one metric; nothing where the server has no such metric. */
export function seriesOf(figures: Figures, metric: string): Series[] {
  return figures.metrics.find(({ name }) => name === metric)?.series ?? []
}

/** The sum of a counter's or a gauge's values, over all labels or those that are wanted. */
export function total(
  figures: Figures,
  metric: string,
  wanted: (labels: Series['labels']) => boolean = () => true,
): number {
  return seriesOf(figures, metric)
    .filter(({ labels }) => wanted(labels))
    .reduce((sum, { value }) => sum + (value ?? 0), 0)
}

/** The buckets of a histogram without labels. */
export function buckets(figures: Figures, metric: string): Bucket[] {
  return seriesOf(figures, metric)[0]?.buckets ?? []
}
