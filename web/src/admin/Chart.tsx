import { type PointerEvent, useState } from 'react'
import { area, HEIGHT, line, nearest, type Span, WIDTH } from './geometry'
import type { Point } from './rates'
import { clock } from './words'

export interface Line {
  name: string
  tone: 'first' | 'second' | 'third'
  points: Point[]
}

interface Properties {
  title: string
  unit: string
  lines: Line[]
  span: Span
  /** Where the axis ends for this highest value. */
  topOf(highest: number): number
  told(value: number): string
}

const SHARES = [1, 0.5, 0]

/** Lines over time. What they say now, or where the pointer is, stands above them as text. */
export function Chart({ title, unit, lines, span, topOf, told }: Properties) {
  const [place, setPlace] = useState<number | null>(null)
  const values = lines.flatMap(({ points }) => points.flatMap(({ value }) => value ?? []))
  const top = topOf(Math.max(0, ...values))
  const point = (event: PointerEvent<HTMLDivElement>) => {
    const box = event.currentTarget.getBoundingClientRect()
    setPlace(Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)))
  }
  const pointed = place === null ? null : nearest(lines[0]?.points ?? [], span, place)
  const toldOf = ({ points }: Line) =>
    (pointed ? points.find(({ at }) => at === pointed.at) : points.at(-1))?.value
  return (
    <figure className="chart card">
      <figcaption>
        <h3>{title}</h3>
        <span className="muted small">{pointed ? `at ${clock(pointed.at)}` : unit}</span>
      </figcaption>
      <ul className="legend">
        {lines.map((one) => (
          <li key={one.name}>
            <svg className={`swatch ${one.tone}`} viewBox="0 0 16 4" aria-hidden="true">
              <path d="M1 2h14" />
            </svg>
            {one.name} <b>{shown(toldOf(one), told)}</b>
          </li>
        ))}
      </ul>
      <div className="plot" onPointerMove={point} onPointerDown={point} onPointerLeave={() => setPlace(null)}>
        <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
          {SHARES.map((share) => (
            <path key={share} className="grid" d={`M0 ${HEIGHT * (1 - share)}h${WIDTH}`} />
          ))}
          {lines.map(({ name, tone, points }) => (
            <g key={name} className={tone}>
              {tone === 'first' && <path className="area" d={area(points, span, top)} />}
              <path className="line" d={line(points, span, top)} />
            </g>
          ))}
          {pointed && (
            <path
              className="here"
              d={`M${((pointed.at - span.from) / (span.to - span.from)) * WIDTH} 0v${HEIGHT}`}
            />
          )}
        </svg>
        {SHARES.map((share) => (
          <span key={share} className="mark" style={{ top: `${100 * (1 - share)}%` }} aria-hidden="true">
            {share === 0 ? '0' : told(top * share)}
          </span>
        ))}
      </div>
      <div className="times muted small" aria-hidden="true">
        <span>15 min ago</span>
        <span className="third-of">10</span>
        <span className="third-of">5</span>
        <span>now</span>
      </div>
    </figure>
  )
}

function shown(value: number | null | undefined, told: (value: number) => string): string {
  return value == null ? '–' : told(value)
}
