import type { Bucket } from '../api/schema'
import { formatCount, formatDuration, formatRate } from '../format'
import { THRESHOLDS, type Threshold } from '../thresholds'
import { countAxisMaximum, durationAxisMaximum } from './geometry'
import { type Line, LineChart } from './LineChart'
import { type Point, quantiles, ratePerMinute } from './rates'
import { KEPT_MS, type Sample } from './samples'

/** The charts of the last 15 minutes. They start when the page is opened. */
export function ChartGrid({ samples, timestampMs }: { samples: Sample[]; timestampMs: number }) {
  const range = { startMs: timestampMs - KEPT_MS, endMs: timestampMs }
  const counts = { range, axisMaximum: countAxisMaximum, format: formatCount }
  const durations = {
    range,
    unit: 'jobs of the last minute',
    axisMaximum: durationAxisMaximum,
    format: formatDuration,
  }
  const gauge = (value: (sample: Sample) => number): Point[] =>
    samples.map((sample) => ({ timestampMs: sample.timestampMs, value: value(sample) }))
  const rate = (counter: (sample: Sample) => number) => ratePerMinute(samples, counter)
  const quantileLines = (histogram: (sample: Sample) => Bucket[], threshold?: Threshold): Line[] => [
    { name: 'median', style: 'first', points: quantiles(samples, histogram, 0.5) },
    {
      name: '95th percentile',
      style: 'second',
      points: quantiles(samples, histogram, 0.95),
      ...(threshold && { threshold }),
    },
  ]
  return (
    <section aria-labelledby="charts-title">
      <h2 id="charts-title" className="visually-hidden">
        The last 15 minutes
      </h2>
      <div className="charts">
        <LineChart
          {...counts}
          title="Throughput"
          unit="jobs per minute"
          format={formatRate}
          lines={[
            { name: 'ok', style: 'first', points: rate(({ ok }) => ok) },
            { name: 'other outcomes', style: 'second', points: rate(({ otherOutcomes }) => otherOutcomes) },
            {
              name: 'service failures',
              style: 'third',
              points: rate(({ failed }) => failed),
              threshold: THRESHOLDS.failuresPerMinute,
            },
          ]}
        />
        <LineChart
          {...counts}
          title="Queues"
          unit="messages"
          lines={[
            { name: 'waiting', style: 'first', points: gauge(({ waiting }) => waiting) },
            { name: 'running', style: 'second', points: gauge(({ running }) => running) },
            { name: 'delayed', style: 'third', points: gauge(({ delayed }) => delayed) },
          ]}
        />
        <LineChart
          {...durations}
          title="Queue time"
          lines={quantileLines(({ queueTime }) => queueTime, THRESHOLDS.queueTimeSeconds)}
        />
        <LineChart {...durations} title="Run time" lines={quantileLines(({ runTime }) => runTime)} />
      </div>
    </section>
  )
}
