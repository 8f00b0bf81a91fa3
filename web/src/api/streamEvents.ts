/** Messages of the job stream (WebSocket): events of the server, checked at run time, and messages of the client. */
import * as v from 'valibot'
import { Problem } from './errors'
import type { TerminalSize } from './jobs'

const Usage = v.object({
  wall_seconds: v.number(),
  cpu_seconds: v.number(),
  memory_peak_bytes: v.number(),
  /** A sampled peak may be too low. */
  memory_peak_source: v.optional(v.picklist(['kernel', 'sampled']), 'sampled'),
  oom_killed: v.boolean(),
})

const Phase = v.object({
  name: v.string(),
  stdout_bytes: v.number(),
  stderr_bytes: v.number(),
  stdout_truncated: v.boolean(),
  stderr_truncated: v.boolean(),
})

const TestReport = v.object({
  name: v.string(),
  /** Null if the test has no expected output. */
  passed: v.nullable(v.boolean()),
  outcome: v.nullable(v.string()),
  exit_code: v.nullable(v.number()),
  signal: v.nullable(v.number()),
  message: v.string(),
  wall_seconds: v.number(),
  memory_peak_bytes: v.number(),
})

const Artifact = v.object({ name: v.string(), size_bytes: v.number() })

const Result = v.object({
  outcome: v.string(),
  exit_code: v.nullable(v.number()),
  signal: v.nullable(v.number()),
  message: v.string(),
  usage: v.optional(v.nullable(Usage), null),
  phases: v.optional(v.array(Phase), []),
  tests: v.optional(v.array(TestReport), []),
  artifacts: v.optional(v.array(Artifact), []),
  artifacts_incomplete: v.optional(v.boolean(), false),
  version: v.optional(v.nullable(v.string()), null),
})

const Encoding = v.optional(v.picklist(['utf8', 'base64']), 'utf8')

export const StreamEvent = v.variant('type', [
  v.object({ type: v.literal('started'), cursor: v.string(), attempt: v.number() }),
  v.object({
    type: v.literal('phase'),
    cursor: v.string(),
    phase: v.string(),
    test: v.optional(v.nullable(v.string()), null),
  }),
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

export type Result = v.InferOutput<typeof Result>
export type TestReport = v.InferOutput<typeof TestReport>
export type Artifact = v.InferOutput<typeof Artifact>
export type Usage = v.InferOutput<typeof Usage>
export type StreamEvent = v.InferOutput<typeof StreamEvent>
export type StreamName = 'stdout' | 'stderr'

/** A message of the client to a running job. */
export type ClientMessage =
  | { type: 'stdin'; data: string; encoding?: 'utf8' | 'base64' }
  | { type: 'eof' }
  | { type: 'cancel' }
  | ({ type: 'resize' } & TerminalSize)
  | { type: 'signal'; name: 'INT' }
