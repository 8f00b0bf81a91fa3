import { type PointerEvent, useState } from 'react'
import { formatTime } from '../format'
import { areaPath, HEIGHT, linePath, nearestPoint, type TimeRange, WIDTH } from './geometry'
import type { Point } from './rates'

export interface Line {
  name: string
  style: 'first' | 'second' | 'third'
  points: Point[]
}

interface Props {
  title: string
  unit: string
  lines: Line[]
  range: TimeRange
  /** Returns the end of the axis for the highest value. */
  axisMaximum(highest: number): number
  format(value: number): string
}

const GRID_LINES = [1, 0.5, 0]

/** Lines over time. The legend contains the current values, or those at the pointer. */
export function LineChart({ title, unit, lines, range, axisMaximum, format }: Props) {
  const [position, setPosition] = useState<number | null>(null)
  const values = lines.flatMap(({ points }) => points.flatMap(({ value }) => value ?? []))
  const maximum = axisMaximum(Math.max(0, ...values))
  const onPointer = (event: PointerEvent<HTMLDivElement>) => {
    const bounds = event.currentTarget.getBoundingClientRect()
    setPosition(Math.min(1, Math.max(0, (event.clientX - bounds.left) / bounds.width)))
  }
  const pointed = position === null ? null : nearestPoint(lines[0]?.points ?? [], range, position)
  const legendValue = ({ points }: Line) => {
    const point = pointed
      ? points.find(({ timestampMs }) => timestampMs === pointed.timestampMs)
      : points.at(-1)
    return point?.value == null ? '–' : format(point.value)
  }
  return (
    <figure className="chart card">
      <figcaption>
        <h3>{title}</h3>
        <span className="muted small">{pointed ? `at ${formatTime(pointed.timestampMs)}` : unit}</span>
      </figcaption>
      <ul className="legend">
        {lines.map((line) => (
          <li key={line.name}>
            <svg className={`swatch ${line.style}`} viewBox="0 0 16 4" aria-hidden="true">
              <path d="M1 2h14" />
            </svg>
            {line.name} <b>{legendValue(line)}</b>
          </li>
        ))}
      </ul>
      <div
        className="plot"
        onPointerMove={onPointer}
        onPointerDown={onPointer}
        onPointerLeave={() => setPosition(null)}
      >
        <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
          {GRID_LINES.map((share) => (
            <path key={share} className="grid" d={`M0 ${HEIGHT * (1 - share)}h${WIDTH}`} />
          ))}
          {lines.map(({ name, style, points }) => (
            <g key={name} className={style}>
              {style === 'first' && <path className="area" d={areaPath(points, range, maximum)} />}
              <path className="line" d={linePath(points, range, maximum)} />
            </g>
          ))}
          {pointed && (
            <path
              className="pointer"
              d={`M${((pointed.timestampMs - range.startMs) / (range.endMs - range.startMs)) * WIDTH} 0v${HEIGHT}`}
            />
          )}
        </svg>
        {GRID_LINES.map((share) => (
          <span
            key={share}
            className="axis-label"
            style={{ top: `${100 * (1 - share)}%` }}
            aria-hidden="true"
          >
            {share === 0 ? '0' : format(maximum * share)}
          </span>
        ))}
      </div>
      <div className="time-axis muted small" aria-hidden="true">
        <span>15 min ago</span>
        <span className="tick">10</span>
        <span className="tick">5</span>
        <span>now</span>
      </div>
    </figure>
  )
}
