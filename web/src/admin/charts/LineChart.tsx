import { type PointerEvent, useState } from 'react'
import { formatTime } from '../format'
import { type Threshold, thresholdText, thresholdValues, valueTone } from '../thresholds'
import { areaPath, HEIGHT, linePath, nearestPoint, type TimeRange, WIDTH } from './geometry'
import type { Point } from './rates'

export interface Line {
  name: string
  style: 'first' | 'second' | 'third'
  points: Point[]
  /** Decides the colour of the value. The chart shows it as text, and as lines if they are within the axis. */
  threshold?: Threshold
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
  const shownValue = ({ points }: Line) => {
    const point = pointed
      ? points.find(({ timestampMs }) => timestampMs === pointed.timestampMs)
      : points.at(-1)
    return point?.value ?? null
  }
  const marks = lines
    .flatMap(({ name, threshold }) =>
      threshold ? thresholdValues(threshold).map((change) => ({ name, ...change })) : [],
    )
    .filter(({ value }) => value <= maximum)
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
            {line.name} <LegendValue value={shownValue(line)} threshold={line.threshold} format={format} />
          </li>
        ))}
      </ul>
      {lines.map(
        ({ name, threshold }) =>
          threshold && (
            <p key={name} className="threshold-text muted small">
              {name}: {thresholdText(threshold, format)}
            </p>
          ),
      )}
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
          {marks.map(({ name, value, tone }) => (
            <path
              key={`${name} ${value}`}
              className={`threshold-line tone-${tone}`}
              d={`M0 ${HEIGHT * (1 - value / maximum)}h${WIDTH}`}
            />
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
        {marks.map(({ name, value, tone }) => (
          <span
            key={`${name} ${value}`}
            className={`threshold-label tone-${tone}`}
            style={{ top: `${100 * (1 - value / maximum)}%` }}
            aria-hidden="true"
          >
            {name}: {format(value)}
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

interface LegendValueProps {
  value: number | null
  threshold: Threshold | undefined
  format(value: number): string
}

function LegendValue({ value, threshold, format }: LegendValueProps) {
  const tone = threshold ? valueTone(value, threshold) : null
  return <b className={tone ? `tone-${tone}` : ''}>{value === null ? '–' : format(value)}</b>
}
