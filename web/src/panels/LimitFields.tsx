import type { Limit } from '../api/schema'
import { LIMIT_NAMES, type LimitName, type Program } from '../program/program'
import { bytes } from '../run/units'

interface Properties {
  ranges: Record<string, Limit>
  /** What is in force where nothing is entered. */
  defaults: Record<string, number>
  limits: Program['limits']
  onLimits(limits: Program['limits']): void
}

const NAMES: Record<LimitName, string> = {
  wall_seconds: 'Time',
  cpu_seconds: 'Processor time',
  memory_bytes: 'Memory',
  processes: 'Processes',
  output_bytes: 'Output',
  disk_bytes: 'Files',
  open_files: 'Open files',
}
const MIB = 1024 * 1024

/** One field a limit that the server names, in units for people; an empty one takes what is usual. */
export function LimitFields({ ranges, defaults, limits, onLimits }: Properties) {
  const set = (name: LimitName, text: string) => {
    const { [name]: _, ...others } = limits
    onLimits(text === '' ? others : { ...others, [name]: Number(text) * scaleOf(name) })
  }
  return (
    <div className="limits">
      {LIMIT_NAMES.flatMap((name) => {
        const range = ranges[name]
        const value = limits[name]
        if (!range) return []
        return (
          <div key={name}>
            <label htmlFor={`limit-${name}`} title={range.description}>
              {NAMES[name]} <span className="unit">{unitOf(name)}</span>
            </label>
            <input
              id={`limit-${name}`}
              className="field"
              type="number"
              step="any"
              aria-invalid={value !== undefined && !isWithin(value, range)}
              title={`${range.description}: from ${shown(name, range.minimum)} to ${shown(name, range.maximum)}`}
              placeholder={String((defaults[name] ?? range.default) / scaleOf(name))}
              value={value === undefined ? '' : value / scaleOf(name)}
              onChange={(event) => set(name, event.target.value)}
            />
          </div>
        )
      })}
    </div>
  )
}

function isWithin(value: number, range: Limit): boolean {
  return value >= range.minimum && value <= range.maximum
}

function scaleOf(name: LimitName): number {
  return name.endsWith('_bytes') ? MIB : 1
}

function unitOf(name: LimitName): string {
  if (name.endsWith('_bytes')) return 'MiB'
  return name.endsWith('_seconds') ? 's' : ''
}

function shown(name: LimitName, value: number): string {
  return name.endsWith('_bytes') ? bytes(value) : `${value} ${unitOf(name)}`.trim()
}
