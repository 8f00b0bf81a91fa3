/** HTTP requests to the API. Every function throws RequestRejected or ServerUnreachable. */
import * as v from 'valibot'
import { readApiKey } from './apiKey'
import { Problem, RequestRejected, ServerUnreachable } from './errors'

const TIMEOUT_MS = 20_000

/** Sends a request and checks its JSON response against a schema. */
export async function requestJson<Schema extends v.GenericSchema>(
  schema: Schema,
  path: string,
  init: RequestInit = {},
): Promise<v.InferOutput<Schema>> {
  const response = await sendRequest(path, init)
  const result = v.safeParse(schema, await response.json().catch(() => null))
  if (!result.success) throw new ServerUnreachable('the response is not one of this API')
  return result.output
}

/** Sends a request with the API key of the caller, and returns the successful response. */
export async function sendRequest(path: string, init: RequestInit = {}): Promise<Response> {
  const key = readApiKey()
  const headers = {
    ...(init.body && { 'Content-Type': 'application/json' }),
    ...(key && { Authorization: `Bearer ${key}` }),
  }
  let response: Response
  try {
    response = await fetch(path, { ...init, headers, signal: AbortSignal.timeout(TIMEOUT_MS) })
  } catch (error) {
    throw new ServerUnreachable(`${path} does not respond`, { cause: error })
  }
  if (!response.ok) throw errorOf(response, await response.json().catch(() => null))
  return response
}

function errorOf(response: Response, body: unknown): RequestRejected | ServerUnreachable {
  const problem = v.safeParse(Problem, body)
  if (!problem.success) return new ServerUnreachable(`HTTP ${response.status} without a problem document`)
  const seconds = Number(response.headers.get('Retry-After') ?? Number.NaN)
  return new RequestRejected(problem.output, Number.isFinite(seconds) ? seconds : null)
}
