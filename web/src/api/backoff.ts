const FIRST_MS = 300
const CEILING_MS = 10_000

/**
 * Returns the delay in milliseconds before a retry: exponential backoff with jitter, at most 10 s.
 *
 * The jitter of up to a half spreads the reconnections of many pages after a restart of the server.
 * `attempt` counts from 0. `random` is between 0 and 1.
 */
export function backoffMs(attempt: number, random: number): number {
  const delay = Math.min(CEILING_MS, FIRST_MS * 2 ** attempt)
  return Math.round(delay * (0.5 + random / 2))
}
