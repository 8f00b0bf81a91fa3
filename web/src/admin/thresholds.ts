/** The thresholds that decide the colours of the tiles and charts. The page shows them. */

export interface Threshold {
  /** A value from here on needs attention. */
  warn?: number
  /** A value from here on means that jobs wait or fail. */
  bad?: number
  /** A value below is bad. */
  minimum?: number
}

export type Tone = 'warn' | 'bad'

/** In seconds, as a number of workers or messages, or per minute. */
export const THRESHOLDS = {
  oldestSeconds: { warn: 10, bad: 60 },
  queueTimeSeconds: { warn: 5, bad: 30 },
  workers: { minimum: 1 },
  deadLetters: { warn: 1 },
  failuresPerMinute: { bad: 1 },
} as const satisfies Record<string, Threshold>

/** The colour of a value; null if it has none, also if the value is unknown. */
export function valueTone(value: number | null, { warn, bad, minimum }: Threshold): Tone | null {
  if (value === null) return null
  if (minimum !== undefined && value < minimum) return 'bad'
  if (bad !== undefined && value >= bad) return 'bad'
  return warn !== undefined && value >= warn ? 'warn' : null
}

/** The values at which the colour changes, each with its colour. */
export function thresholdValues({ warn, bad, minimum }: Threshold): { value: number; tone: Tone }[] {
  return [
    ...(minimum === undefined ? [] : [{ value: minimum, tone: 'bad' as const }]),
    ...(warn === undefined ? [] : [{ value: warn, tone: 'warn' as const }]),
    ...(bad === undefined ? [] : [{ value: bad, tone: 'bad' as const }]),
  ]
}

/** Describes a threshold, such as "warning from 10 s, critical from 1 min". */
export function thresholdText({ warn, bad, minimum }: Threshold, format: (value: number) => string): string {
  return [
    minimum !== undefined && `critical below ${format(minimum)}`,
    warn !== undefined && `warning from ${format(warn)}`,
    bad !== undefined && `critical from ${format(bad)}`,
  ]
    .filter(Boolean)
    .join(', ')
}
