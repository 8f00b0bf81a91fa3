/** Requests to the API: whatever goes wrong is Refused or Unreachable. */
import * as v from 'valibot'
import { Refused, Unreachable } from './errors'
import { readKey } from './key'
import { type Language, Languages, Problem } from './schema'

const ANSWER_MS = 20_000

export async function languages(): Promise<Language[]> {
  return parsed(Languages, await request('/v1/languages')).languages
}

/** The answer's JSON, or null. */
export async function request(path: string, init: RequestInit = {}): Promise<unknown> {
  const response = await send(path, init)
  return response.json().catch(() => null)
}

/** The answer, if it is none of refusal. */
export async function send(path: string, init: RequestInit = {}): Promise<Response> {
  const key = readKey()
  const headers = {
    ...(init.body && { 'Content-Type': 'application/json' }),
    ...(key && { Authorization: `Bearer ${key}` }),
  }
  let response: Response
  try {
    response = await fetch(path, { ...init, headers, signal: AbortSignal.timeout(ANSWER_MS) })
  } catch (error) {
    throw new Unreachable(`${path} does not answer`, { cause: error })
  }
  if (!response.ok) throw refusal(response, await response.json().catch(() => null))
  return response
}

function refusal(response: Response, body: unknown): Refused | Unreachable {
  const problem = v.safeParse(Problem, body)
  if (!problem.success) return new Unreachable(`answered with HTTP ${response.status}`)
  const seconds = Number(response.headers.get('Retry-After') ?? Number.NaN)
  return new Refused(problem.output, Number.isFinite(seconds) ? seconds : null)
}

/** What the schema makes of it; throws Unreachable when it is something else. */
export function parsed<Schema extends v.GenericSchema>(schema: Schema, body: unknown): v.InferOutput<Schema> {
  const result = v.safeParse(schema, body)
  if (!result.success) throw new Unreachable('the answer is not of this API')
  return result.output
}
