/**
 * The shapes of the API, as far as the page uses them, checked at run time. Unknown fields are ignored, so that a
 * newer server may say more. The types are inferred: generated ones may take their place without a change elsewhere.
 */
import * as v from 'valibot'

const Limit = v.object({
  default: v.number(),
  minimum: v.number(),
  maximum: v.number(),
  unit: v.string(),
  description: v.string(),
})

export const Language = v.object({
  id: v.string(),
  name: v.string(),
  version: v.nullable(v.string()),
  file_name: v.string(),
  template: v.string(),
  limits: v.record(v.string(), Limit),
})

export const Languages = v.object({ languages: v.array(Language) })

export const Accepted = v.object({ id: v.string(), status: v.string() })

export const Ticket = v.object({ ticket: v.string() })

/** A job that is looked at; only what the status line needs while it waits. */
export const JobView = v.object({
  id: v.string(),
  status: v.string(),
  queue_position: v.optional(v.nullable(v.number()), null),
})

export const Problem = v.object({
  type: v.string(),
  title: v.string(),
  status: v.number(),
  detail: v.optional(v.string(), ''),
  field: v.optional(v.nullable(v.string()), null),
})

export type Language = v.InferOutput<typeof Language>
export type Limit = v.InferOutput<typeof Limit>
export type Accepted = v.InferOutput<typeof Accepted>
export type JobView = v.InferOutput<typeof JobView>
export type Problem = v.InferOutput<typeof Problem>

export interface TerminalSize {
  rows: number
  cols: number
}

export interface CaseRequest {
  name: string
  stdin: string
  args?: string[]
  expected_output?: string
  limits?: Record<string, number>
}

/** What is submitted. */
export interface Submission {
  language: string
  files: { name: string; content: string }[]
  entrypoint?: string
  args?: string[]
  stdin?: string
  limits?: Record<string, number>
  interactive?: boolean
  tty?: TerminalSize
  tests?: CaseRequest[]
  artifacts?: string[]
}
