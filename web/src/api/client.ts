/** The HTTP half of the API: one function a route, each throws Refused or Unreachable. */
import * as v from 'valibot'
import { Refused, Unreachable } from './errors'
import { Accepted, JobView, type Language, Languages, Problem, type Submission } from './schema'

const ANSWER_MS = 20_000

export async function languages(): Promise<Language[]> {
  return parsed(Languages, await request('/v1/languages')).languages
}

export async function submit(submission: Submission): Promise<Accepted> {
  const init = { method: 'POST', body: JSON.stringify(submission) }
  return parsed(Accepted, await request('/v1/jobs', init))
}

export async function job(id: string): Promise<JobView> {
  return parsed(JobView, await request(`/v1/jobs/${encodeURIComponent(id)}`))
}

export async function cancel(id: string): Promise<void> {
  await request(`/v1/jobs/${encodeURIComponent(id)}/cancel`, { method: 'POST' })
}

async function request(path: string, init: RequestInit = {}): Promise<unknown> {
  const headers = init.body ? { 'Content-Type': 'application/json' } : {}
  let response: Response
  try {
    response = await fetch(path, { ...init, headers, signal: AbortSignal.timeout(ANSWER_MS) })
  } catch (error) {
    throw new Unreachable(`${path} does not answer`, { cause: error })
  }
  const body: unknown = await response.json().catch(() => null)
  if (!response.ok) throw refusal(response, body)
  return body
}

function refusal(response: Response, body: unknown): Refused | Unreachable {
  const problem = v.safeParse(Problem, body)
  if (!problem.success) return new Unreachable(`answered with HTTP ${response.status}`)
  const seconds = Number(response.headers.get('Retry-After') ?? Number.NaN)
  return new Refused(problem.output, Number.isFinite(seconds) ? seconds : null)
}

function parsed<Schema extends v.GenericSchema>(schema: Schema, body: unknown): v.InferOutput<Schema> {
  const result = v.safeParse(schema, body)
  if (!result.success) throw new Unreachable('the answer is not of this API')
  return result.output
}
