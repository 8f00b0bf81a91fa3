/** Requests for jobs, one function for each route. Each throws RequestRejected or ServerUnreachable. */
import * as v from 'valibot'
import { readApiKey } from './apiKey'
import { requestJson, sendRequest } from './client'

export const AcceptedJob = v.object({ id: v.string(), status: v.string() })

export const QueuedJob = v.object({
  id: v.string(),
  status: v.string(),
  queue_position: v.optional(v.nullable(v.number()), null),
  waiting_reason: v.optional(v.nullable(v.string()), null),
})

export const Ticket = v.object({ ticket: v.string() })

export interface TerminalSize {
  rows: number
  cols: number
}

export interface TestRequest {
  name: string
  stdin: string
  args?: string[]
  expected_output?: string
  limits?: Record<string, number>
}

/** The body of POST /v1/jobs. */
export interface Submission {
  language: string
  files: { name: string; content: string }[]
  entrypoint?: string
  args?: string[]
  stdin?: string
  limits?: Record<string, number>
  interactive?: boolean
  tty?: TerminalSize
  tests?: TestRequest[]
  artifacts?: string[]
}

/** Submits a job and returns its id. */
export async function submitJob(submission: Submission): Promise<string> {
  const init = { method: 'POST', body: JSON.stringify(submission) }
  return (await requestJson(AcceptedJob, '/v1/jobs', init)).id
}

/** `position` is the number of jobs ahead, or null. `reason` states why no worker can run the job, or is null. */
export interface QueueState {
  position: number | null
  reason: string | null
}

/** Returns where a job waits and why. Both are null if it is not queued. */
export async function fetchQueueState(jobId: string): Promise<QueueState> {
  const job = await requestJson(QueuedJob, jobPath(jobId))
  return { position: job.queue_position, reason: job.waiting_reason }
}

export async function cancelJob(jobId: string): Promise<void> {
  await sendRequest(`${jobPath(jobId)}/cancel`, { method: 'POST' })
}

/** Returns the content of an artifact. */
export async function fetchArtifact(jobId: string, name: string): Promise<Blob> {
  const path = name.split('/').map(encodeURIComponent).join('/')
  const response = await sendRequest(`${jobPath(jobId)}/artifacts/${path}`)
  return response.blob()
}

/**
 * Creates a single-use ticket, valid for a few seconds, that opens a WebSocket instead of an API key.
 *
 * A browser cannot send an Authorization header with a WebSocket. Returns null if the caller has no key.
 */
export async function createTicket(): Promise<string | null> {
  if (readApiKey() === null) return null
  return (await requestJson(Ticket, '/v1/tickets', { method: 'POST' })).ticket
}

/** The path of a job, below which its other routes are. */
export function jobPath(jobId: string): string {
  return `/v1/jobs/${encodeURIComponent(jobId)}`
}
