const FIRST_MS = 300
const CEILING_MS = 10_000

/** The pause before the nth attempt (from 0): doubling, bounded, and spread by up to a half, so that viewers of a server that restarts do not all come back at once. `random` is from 0 to 1. */
export function backoffMs(attempt: number, random: number): number {
  const full = Math.min(CEILING_MS, FIRST_MS * 2 ** attempt)
  return Math.round(full * (0.5 + random / 2))
}
