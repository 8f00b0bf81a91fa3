/** What went wrong while the API was asked, in words, and what follows from it. */
import { backoffMs } from '../api/backoff'
import { Refused } from '../api/errors'

export interface Trouble {
  text: string
  /** Nothing changes before another key is entered. */
  wantsKey: boolean
}

export const EVERY_MS = 2000

export function troubleOf(error: unknown): Trouble {
  if (!(error instanceof Refused)) return { text: unreachable(), wantsKey: false }
  const { problem, retryAfterSeconds } = error
  switch (problem.status) {
    case 401:
      return { text: 'The server does not know this key: it is wrong, or was revoked.', wantsKey: true }
    case 403:
      return {
        text: 'This key is not an admin key. One is made with: pyxec keys create --admin',
        wantsKey: true,
      }
    case 429:
      return { text: `Too many requests. ${wait(retryAfterSeconds)}`, wantsKey: false }
    case 503:
      return { text: `${sentence(problem.title)} ${wait(retryAfterSeconds)}`, wantsKey: false }
    default:
      return { text: sentence(problem.detail || problem.title), wantsKey: false }
  }
}

/** How long to leave the API alone after so many failures in a row: later and later, and never before it says. */
export function pauseMs(error: unknown, failures: number, random: number): number {
  const advised = error instanceof Refused ? (error.retryAfterSeconds ?? 0) * 1000 : 0
  return Math.max(EVERY_MS, advised, backoffMs(failures + 1, random))
}

function unreachable(): string {
  return navigator.onLine ? 'The API does not answer.' : 'You are offline.'
}

function wait(retryAfterSeconds: number | null): string {
  if (retryAfterSeconds === null) return 'It is asked again soon.'
  return `It is asked again in ${retryAfterSeconds} s.`
}

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`
}
