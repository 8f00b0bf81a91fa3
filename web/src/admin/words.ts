/** Figures of this page for people. */

/** A length of time in seconds, as coarse as one reads it. */
export function duration(value: number): string {
  if (value < 1) return `${Math.round(value * 1000)} ms`
  if (value < 10) return `${Number(value.toFixed(1))} s`
  if (value < 100) return `${Math.round(value)} s`
  if (value < 2 * 3600) return `${Math.round(value / 60)} min`
  return value < 48 * 3600 ? `${Math.round(value / 3600)} h` : `${Math.round(value / 86_400)} days`
}

export function count(value: number): string {
  return Math.round(value).toLocaleString('en')
}

/** A rate: exact where it is small. */
export function rate(value: number): string {
  return value < 10 ? String(Number(value.toFixed(1))) : count(value)
}

export function ago(secondsAgo: number): string {
  return secondsAgo < 1 ? 'now' : `${duration(Math.round(secondsAgo))} ago`
}

/** The hour of a moment in ms. */
export function clock(at: number): string {
  return new Date(at).toLocaleTimeString('en-GB')
}

/** `1 job`, `2 jobs`. */
export function counted(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? '' : 's'}`
}

/** JSON as one reads it; what is none stays as it is. */
export function readable(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2)
  } catch {
    return text
  }
}
