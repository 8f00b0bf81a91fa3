import type { Problem } from './schema'

/** The server has answered, and said no. `retryAfterSeconds` is its own advice. */
export class Refused extends Error {
  override name = 'Refused'
  readonly problem: Problem
  readonly retryAfterSeconds: number | null

  constructor(problem: Problem, retryAfterSeconds: number | null) {
    super(problem.detail || problem.title)
    this.problem = problem
    this.retryAfterSeconds = retryAfterSeconds
  }
}

/** No answer, or one that makes no sense: the network, a proxy, or a server of another make. */
export class Unreachable extends Error {
  override name = 'Unreachable'
}
