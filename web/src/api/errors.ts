/** The errors of API requests. */
import * as v from 'valibot'

/** An error response, see RFC 9457. `field` is the path of the invalid field in the request. */
export const Problem = v.object({
  type: v.string(),
  title: v.string(),
  status: v.number(),
  detail: v.optional(v.string(), ''),
  field: v.optional(v.nullable(v.string()), null),
})

export type Problem = v.InferOutput<typeof Problem>

/** The server rejected the request. `retryAfterSeconds` is the value of the Retry-After header, if there is one. */
export class RequestRejected extends Error {
  override name = 'RequestRejected'
  readonly problem: Problem
  readonly retryAfterSeconds: number | null

  constructor(problem: Problem, retryAfterSeconds: number | null) {
    super(problem.detail || problem.title)
    this.problem = problem
    this.retryAfterSeconds = retryAfterSeconds
  }
}

/** The server did not respond, or the response is not one of this API. */
export class ServerUnreachable extends Error {
  override name = 'ServerUnreachable'
}
