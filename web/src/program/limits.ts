/** The limits that apply to a run, their names and units in the page, and the message for an invalid value. */
import type { Language, LimitRange } from '../api/languages'
import type { Input, LimitName, Program } from './program'

// A person needs time to type: the default of 10 s would end most interactive programs. The limit of CPU time is
// unchanged and still stops an endless loop.
const INTERACTIVE_WALL_SECONDS = 300

const MIB = 1024 * 1024

/** The name of each limit in the page. */
export const LIMIT_LABELS: Record<LimitName, string> = {
  wall_seconds: 'Time',
  cpu_seconds: 'CPU time',
  memory_bytes: 'Memory',
  processes: 'Processes',
  output_bytes: 'Output',
  disk_bytes: 'Files',
  open_files: 'Open files',
  stack_bytes: 'Stack',
}

/** The limits of a run if the program does not set any, by name. */
export function defaultLimits(language: Language, input: Input): Record<string, number> {
  const defaults = Object.entries(language.limits).map(([name, limit]) => [name, limit.default])
  return { ...Object.fromEntries(defaults), ...interactiveLimits(language, input) }
}

/** The limits that apply to a run of a program, by name. */
export function effectiveLimits(language: Language, program: Program): Record<string, number> {
  return { ...defaultLimits(language, program.input), ...program.limits }
}

/** The limits of a run on a terminal that differ from the defaults of its language. */
export function interactiveLimits({ limits }: Language, input: Input): Record<string, number> {
  const maximum = limits.wall_seconds?.maximum
  if (input !== 'terminal' || maximum === undefined) return {}
  return { wall_seconds: Math.min(maximum, INTERACTIVE_WALL_SECONDS) }
}

/** The unit in which the page shows a limit, and the number of API units in it. */
export function limitUnit(name: string): { label: string; scale: number } {
  if (name.endsWith('_bytes')) return { label: 'MiB', scale: MIB }
  return { label: name.endsWith('_seconds') ? 's' : '', scale: 1 }
}

/** States the allowed values of a limit, such as "Memory must be between 16 and 2048 MiB". */
export function limitError(name: LimitName, { minimum, maximum }: LimitRange): string {
  const { label, scale } = limitUnit(name)
  return `${LIMIT_LABELS[name]} must be between ${minimum / scale} and ${maximum / scale} ${label}`.trim()
}

export function isLimitName(name: string): name is LimitName {
  return name in LIMIT_LABELS
}
