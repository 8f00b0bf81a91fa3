import { Chart } from './Chart'
import { topOfCounts, topOfSeconds } from './geometry'
import { type Point, perMinute, quantiles } from './rates'
import { KEPT_MS, type Sample } from './samples'
import { count, duration, rate } from './words'

/** What the last quarter of an hour was like, as far as this page was there to see it. */
export function Charts({ samples, at }: { samples: Sample[]; at: number }) {
  const span = { from: at - KEPT_MS, to: at }
  const plain = (value: (sample: Sample) => number | null): Point[] =>
    samples.map((sample) => ({ at: sample.at, value: value(sample) }))
  return (
    <section aria-labelledby="charts-title">
      <h2 id="charts-title" className="unseen">
        The last 15 minutes
      </h2>
      <div className="charts">
        <Chart
          title="Throughput"
          unit="jobs a minute"
          span={span}
          topOf={topOfCounts}
          told={rate}
          lines={[
            { name: 'ok', tone: 'first', points: perMinute(samples, ({ ok }) => ok) },
            {
              name: 'ended otherwise',
              tone: 'second',
              points: perMinute(samples, ({ otherwise }) => otherwise),
            },
            {
              name: 'failed by the service',
              tone: 'third',
              points: perMinute(samples, ({ failed }) => failed),
            },
          ]}
        />
        <Chart
          title="Queues"
          unit="messages"
          span={span}
          topOf={topOfCounts}
          told={count}
          lines={[
            { name: 'waiting', tone: 'first', points: plain(({ waiting }) => waiting) },
            { name: 'held by workers', tone: 'second', points: plain(({ running }) => running) },
            { name: 'delayed', tone: 'third', points: plain(({ delayed }) => delayed) },
          ]}
        />
        <Chart
          title="Time in the queue"
          unit="of jobs of the minute before"
          span={span}
          topOf={topOfSeconds}
          told={duration}
          lines={[
            {
              name: 'half within',
              tone: 'first',
              points: quantiles(samples, ({ queueTime }) => queueTime, 0.5),
            },
            {
              name: '95 % within',
              tone: 'second',
              points: quantiles(samples, ({ queueTime }) => queueTime, 0.95),
            },
          ]}
        />
        <Chart
          title="Time to run"
          unit="of jobs of the minute before"
          span={span}
          topOf={topOfSeconds}
          told={duration}
          lines={[
            { name: 'half within', tone: 'first', points: quantiles(samples, ({ runTime }) => runTime, 0.5) },
            {
              name: '95 % within',
              tone: 'second',
              points: quantiles(samples, ({ runTime }) => runTime, 0.95),
            },
          ]}
        />
      </div>
    </section>
  )
}
