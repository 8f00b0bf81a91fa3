/** Where the lines of a chart go. Its plane is WIDTH wide and HEIGHT high, time to the right, values up; the browser stretches it. */
import type { Point } from './rates'

export const WIDTH = 1000
export const HEIGHT = 100

/** A stretch of time, ms. */
export interface Span {
  from: number
  to: number
}

/** After a pause this long the line is broken: nobody knows what was in between. */
const GAP_MS = 15_000

/** The line through the points as SVG path data; broken where a value is missing or was not asked for. */
export function line(points: readonly Point[], span: Span, top: number): string {
  return runs(points)
    .map((run) => {
      const [first, ...others] = run.map(({ at, value }) => `${x(at, span)} ${y(value, top)}`)
      // A single point is drawn as a dot: round caps make one of a line without length.
      return `M${first}${others.length > 0 ? `L${others.join(' ')}` : 'h0'}`
    })
    .join('')
}

/** The area below the same line. */
export function area(points: readonly Point[], span: Span, top: number): string {
  return runs(points)
    .filter((run) => run.length > 1)
    .map((run) => {
      const path = run.map(({ at, value }) => `${x(at, span)} ${y(value, top)}`).join(' ')
      return `M${x(run[0]?.at ?? 0, span)} ${HEIGHT}L${path} ${x(run.at(-1)?.at ?? 0, span)} ${HEIGHT}Z`
    })
    .join('')
}

/** The first round number, at least 2, that nothing is above: 2, 4 or 10 times a power of ten, so that a half is round, too. */
export function topOfCounts(highest: number): number {
  const wanted = Math.max(highest, 2)
  const power = 10 ** Math.floor(Math.log10(wanted))
  return power * ([1, 2, 4].find((one) => one * power >= wanted) ?? 10)
}

const ROUND_SECONDS = [
  0.01, 0.02, 0.04, 0.1, 0.2, 0.4, 1, 2, 4, 10, 20, 40, 60, 120, 240, 600, 1200, 3600, 7200,
]

/** The same for lengths of time in seconds: from 10 ms to hours. */
export function topOfSeconds(highest: number): number {
  return ROUND_SECONDS.find((one) => one >= highest) ?? Math.ceil(highest / 7200) * 7200
}

/** The moment of the point nearest to a place from 0 to 1; null where there is no point. */
export function nearest(points: readonly Point[], span: Span, place: number): Point | null {
  const at = span.from + place * (span.to - span.from)
  return points.reduce<Point | null>(
    (best, point) => (best === null || Math.abs(point.at - at) < Math.abs(best.at - at) ? point : best),
    null,
  )
}

function runs(points: readonly Point[]): { at: number; value: number }[][] {
  const found: { at: number; value: number }[][] = []
  let last: number | null = null
  for (const { at, value } of points) {
    if (value === null) {
      last = null
      continue
    }
    if (last === null || at - last > GAP_MS) found.push([])
    found.at(-1)?.push({ at, value })
    last = at
  }
  return found
}

function x(at: number, { from, to }: Span): number {
  return rounded(((at - from) / (to - from)) * WIDTH)
}

function y(value: number, top: number): number {
  return rounded(HEIGHT - (Math.min(value, top) / top) * HEIGHT)
}

function rounded(value: number): number {
  return Math.round(value * 10) / 10
}
