import { createElement } from 'react'
import { renderToStaticMarkup } from 'react-dom/server.browser'
import { expect, test } from 'vitest'
import { durationAxisMaximum } from '../../src/admin/charts/geometry'
import { LineChart } from '../../src/admin/charts/LineChart'
import { formatDuration } from '../../src/admin/format'

/** Renders a chart with a threshold. Its axis ends at the next round duration. */
function render(seconds: number): string {
  return renderToStaticMarkup(
    createElement(LineChart, {
      title: 'Queue time',
      unit: 'jobs',
      range: { startMs: 0, endMs: 10_000 },
      axisMaximum: durationAxisMaximum,
      format: formatDuration,
      lines: [
        { name: 'median', style: 'first', points: [{ timestampMs: 5000, value: seconds }] },
        {
          name: 'slowest',
          style: 'second',
          points: [{ timestampMs: 5000, value: seconds }],
          threshold: { warn: 5, bad: 30 },
        },
      ],
    }),
  )
}

const markup = { low: render(2), middle: render(20), high: render(40) }

test.each([
  ['low', 'class=""', '2 s'],
  ['middle', 'class="tone-warn"', '20 s'],
  ['high', 'class="tone-bad"', '40 s'],
] as const)('the value of a line with a threshold is coloured when it is %s', (name, tone, text) => {
  expect(markup[name]).toContain(`slowest <b ${tone}>${text}</b>`)
  expect(markup[name]).toContain(`median <b class="">${text}</b>`)
})

test('LineChart draws the thresholds that are within its axis', () => {
  const lines = (html: string) =>
    [...html.matchAll(/threshold-line (tone-\w+)" d="M0 (\d+)/g)].map((m) => m.slice(1))
  expect(lines(markup.low)).toEqual([])
  expect(lines(markup.middle)).toEqual([['tone-warn', '75']])
  expect(lines(markup.high)).toEqual([
    ['tone-warn', '87'],
    ['tone-bad', '25'],
  ])
  expect(markup.middle).toContain('slowest: 5 s')
})

test('LineChart states its thresholds also if they are above its axis', () => {
  expect(markup.low).toContain('slowest: warning from 5 s, critical from 30 s')
})
