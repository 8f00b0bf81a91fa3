/** The lines and axes of a chart in SVG coordinates: WIDTH x HEIGHT, scaled by the browser. */
import type { Point } from './rates'

export const WIDTH = 1000
export const HEIGHT = 100

/** The time range of a chart: Unix times in milliseconds. */
export interface TimeRange {
  startMs: number
  endMs: number
}

// After a longer time without samples, the line has a gap.
const MAX_INTERVAL_MS = 15_000

/** Returns the line through the points as SVG path data, with a gap where a value or a sample is missing. */
export function linePath(points: readonly Point[], range: TimeRange, maximum: number): string {
  return segments(points)
    .map((segment) => {
      const [first, ...others] = segment.map(
        ({ timestampMs, value }) => `${x(timestampMs, range)} ${y(value, maximum)}`,
      )
      // A line without length is drawn as a dot, because its caps are round.
      return `M${first}${others.length > 0 ? `L${others.join(' ')}` : 'h0'}`
    })
    .join('')
}

/** Returns the area below the line as SVG path data. */
export function areaPath(points: readonly Point[], range: TimeRange, maximum: number): string {
  return segments(points)
    .filter((segment) => segment.length > 1)
    .map((segment) => {
      const path = segment
        .map(({ timestampMs, value }) => `${x(timestampMs, range)} ${y(value, maximum)}`)
        .join(' ')
      const startX = x(segment[0]?.timestampMs ?? 0, range)
      const endX = x(segment.at(-1)?.timestampMs ?? 0, range)
      return `M${startX} ${HEIGHT}L${path} ${endX} ${HEIGHT}Z`
    })
    .join('')
}

/** Returns the end of an axis of counts: 2, 4 or 10 times a power of ten, so that the half is a round number, too. */
export function countAxisMaximum(highest: number): number {
  const minimum = Math.max(highest, 2)
  const power = 10 ** Math.floor(Math.log10(minimum))
  return power * ([1, 2, 4].find((factor) => factor * power >= minimum) ?? 10)
}

const ROUND_SECONDS = [
  0.01, 0.02, 0.04, 0.1, 0.2, 0.4, 1, 2, 4, 10, 20, 40, 60, 120, 240, 600, 1200, 3600, 7200,
]

/** Returns the end of an axis of durations in seconds: a round number, from 10 ms to hours. */
export function durationAxisMaximum(highest: number): number {
  return ROUND_SECONDS.find((seconds) => seconds >= highest) ?? Math.ceil(highest / 7200) * 7200
}

/** Returns the point nearest to a position from 0 (left) to 1 (right), or null if there are no points. */
export function nearestPoint(points: readonly Point[], range: TimeRange, position: number): Point | null {
  const timestampMs = range.startMs + position * (range.endMs - range.startMs)
  const distance = (point: Point) => Math.abs(point.timestampMs - timestampMs)
  return points.reduce<Point | null>(
    (best, point) => (best === null || distance(point) < distance(best) ? point : best),
    null,
  )
}

/** Splits the points where a value or a sample is missing. */
function segments(points: readonly Point[]): { timestampMs: number; value: number }[][] {
  const found: { timestampMs: number; value: number }[][] = []
  let lastMs: number | null = null
  for (const { timestampMs, value } of points) {
    if (value === null) {
      lastMs = null
      continue
    }
    if (lastMs === null || timestampMs - lastMs > MAX_INTERVAL_MS) found.push([])
    found.at(-1)?.push({ timestampMs, value })
    lastMs = timestampMs
  }
  return found
}

function x(timestampMs: number, { startMs, endMs }: TimeRange): number {
  return round(((timestampMs - startMs) / (endMs - startMs)) * WIDTH)
}

function y(value: number, maximum: number): number {
  return round(HEIGHT - (Math.min(value, maximum) / maximum) * HEIGHT)
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
