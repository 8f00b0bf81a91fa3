/** Describes an error of the API, and decides when to retry. */
import { backoffMs } from '../../api/backoff'
import { RequestRejected } from '../../api/errors'

export interface RequestError {
  text: string
  /** Retrying is useless until the user enters another key. */
  requiresKey: boolean
}

export const POLL_INTERVAL_MS = 2000

export function describeError(error: unknown): RequestError {
  if (!(error instanceof RequestRejected)) return { text: unreachableText(), requiresKey: false }
  const { problem, retryAfterSeconds } = error
  switch (problem.status) {
    case 401:
      return { text: 'The key is not valid or was revoked.', requiresKey: true }
    case 403:
      return {
        text: 'The key is not an admin key. Create one with: pyxec keys create --admin',
        requiresKey: true,
      }
    case 429:
      return { text: `Too many requests. ${retryText(retryAfterSeconds)}`, requiresKey: false }
    case 503:
      return { text: `${toSentence(problem.title)} ${retryText(retryAfterSeconds)}`, requiresKey: false }
    default:
      return { text: toSentence(problem.detail || problem.title), requiresKey: false }
  }
}

/** The delay before the next request: exponential backoff, but at least the Retry-After header and the interval. */
export function retryDelayMs(error: unknown, failures: number, random: number): number {
  const retryAfterMs = error instanceof RequestRejected ? (error.retryAfterSeconds ?? 0) * 1000 : 0
  return Math.max(POLL_INTERVAL_MS, retryAfterMs, backoffMs(failures + 1, random))
}

function unreachableText(): string {
  return navigator.onLine ? 'The API does not respond.' : 'You are offline.'
}

function retryText(retryAfterSeconds: number | null): string {
  return retryAfterSeconds === null ? 'Retrying soon.' : `Retrying in ${retryAfterSeconds} s.`
}

function toSentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`
}
