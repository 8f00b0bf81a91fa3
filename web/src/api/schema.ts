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
  meaning: v.string(),
})

const Language = v.object({
  id: v.string(),
  name: v.string(),
  version: v.nullable(v.string()),
  file_name: v.string(),
  template: v.string(),
  limits: v.record(v.string(), Limit),
})

export const Languages = v.object({ languages: v.array(Language) })

export const Accepted = v.object({ id: v.string(), status: v.string() })

const Usage = v.object({
  wall_seconds: v.number(),
  cpu_seconds: v.number(),
  memory_peak_bytes: v.number(),
  oom_killed: v.boolean(),
})

const Phase = v.object({
  name: v.string(),
  stdout_bytes: v.number(),
  stderr_bytes: v.number(),
  stdout_truncated: v.boolean(),
  stderr_truncated: v.boolean(),
})

const Result = v.object({
  outcome: v.string(),
  exit_code: v.nullable(v.number()),
  signal: v.nullable(v.number()),
  message: v.string(),
  usage: v.optional(v.nullable(Usage), null),
  phases: v.optional(v.array(Phase), []),
  version: v.optional(v.nullable(v.string()), null),
})

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

const Encoding = v.optional(v.picklist(['utf8', 'base64']), 'utf8')

export const StreamEvent = v.variant('type', [
  v.object({ type: v.literal('started'), cursor: v.string(), attempt: v.number() }),
  v.object({ type: v.literal('phase'), cursor: v.string(), phase: v.string() }),
  v.object({
    type: v.literal('output'),
    cursor: v.string(),
    stream: v.picklist(['stdout', 'stderr']),
    data: v.string(),
    encoding: Encoding,
  }),
  v.object({ type: v.literal('finished'), cursor: v.string(), result: Result }),
  v.object({ type: v.literal('error'), problem: Problem }),
])

export type Language = v.InferOutput<typeof Language>
export type Limit = v.InferOutput<typeof Limit>
export type Accepted = v.InferOutput<typeof Accepted>
export type JobView = v.InferOutput<typeof JobView>
export type Problem = v.InferOutput<typeof Problem>
export type Result = v.InferOutput<typeof Result>
export type Usage = v.InferOutput<typeof Usage>
export type StreamEvent = v.InferOutput<typeof StreamEvent>
export type StreamName = 'stdout' | 'stderr'

/** What a viewer may send. */
export type ViewerMessage =
  | { type: 'stdin'; data: string }
  | { type: 'eof' }
  | { type: 'cancel' }
  | { type: 'resize'; rows: number; cols: number }
  | { type: 'signal'; name: string }

/** What is submitted. */
export interface Submission {
  language: string
  files: { name: string; content: string }[]
  entrypoint?: string
  args?: string[]
  stdin?: string
  limits?: Record<string, number>
  interactive?: boolean
  tty?: { rows: number; cols: number }
}
