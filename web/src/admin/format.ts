/** Values in the form that the admin page displays. */

/** A duration in seconds with at most two significant digits: `4 ms`, `3.2 s`, `2 min`, `5 h`, `3 days`. */
export function formatDuration(seconds: number): string {
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`
  if (seconds < 10) return `${Number(seconds.toFixed(1))} s`
  if (seconds < 100) return `${Math.round(seconds)} s`
  if (seconds < 2 * 3600) return `${Math.round(seconds / 60)} min`
  return seconds < 48 * 3600 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} days`
}

export function formatCount(count: number): string {
  return Math.round(count).toLocaleString('en')
}

/** A rate, with one decimal below 10. */
export function formatRate(rate: number): string {
  return rate < 10 ? String(Number(rate.toFixed(1))) : formatCount(rate)
}

export function formatAgo(seconds: number): string {
  return seconds < 1 ? 'now' : `${formatDuration(Math.round(seconds))} ago`
}

/** The time of day of a Unix timestamp in milliseconds. */
export function formatTime(timestampMs: number): string {
  return new Date(timestampMs).toLocaleTimeString('en-GB')
}

/** `1 job`, `2 jobs`. */
export function formatQuantity(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`
}

/** Indents a JSON text. Returns other text unchanged. */
export function formatJson(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2)
  } catch {
    return text
  }
}
