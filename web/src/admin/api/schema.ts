/** Schemas of the responses of /v1/admin, with only the fields that the page uses. Unknown fields are ignored. */
import * as v from 'valibot'

const Lane = v.object({ name: v.string(), waiting: v.number(), running: v.number(), delayed: v.number() })

const Queue = v.object({
  ...Lane.entries,
  dead: v.number(),
  oldest_seconds: v.nullable(v.number()),
  is_paused: v.optional(v.boolean(), false),
  lanes: v.array(Lane),
})

/** A message that a worker has fetched and not finished. `running_seconds` is null until the worker starts it. */
const WorkerMessage = v.object({
  queue: v.string(),
  lane: v.string(),
  actor: v.string(),
  job_id: v.nullable(v.string()),
  language: v.nullable(v.string()),
  running_seconds: v.nullable(v.number()),
  lease_renewed_seconds_ago: v.number(),
})

const Worker = v.object({
  name: v.string(),
  is_alive: v.boolean(),
  last_seen_seconds_ago: v.nullable(v.number()),
  messages: v.array(WorkerMessage),
})

const Bucket = v.object({ upper_bound: v.nullable(v.number()), count: v.number() })

const Series = v.object({
  labels: v.record(v.string(), v.string()),
  value: v.nullable(v.number()),
  count: v.nullable(v.number()),
  sum: v.nullable(v.number()),
  buckets: v.array(Bucket),
})

const InstalledLanguage = v.object({
  id: v.string(),
  name: v.string(),
  version: v.nullable(v.string()),
  image: v.nullable(v.string()),
  image_bytes: v.nullable(v.number()),
})

const Host = v.object({
  name: v.string(),
  last_seen_seconds_ago: v.number(),
  languages: v.array(InstalledLanguage),
})

const DeadLetter = v.object({
  queue: v.string(),
  id: v.string(),
  actor: v.string(),
  job_id: v.nullable(v.string()),
  reason: v.string(),
  deliveries: v.number(),
  attempts: v.number(),
  dead_lettered_at: v.string(),
  traceback: v.string(),
  message: v.string(),
})

/** `pause_reason` states why the worker fetches no jobs. `idle` contains the sandboxes of the pool by language. */
const Engine = v.object({
  worker: v.string(),
  isolation: v.string(),
  slots: v.number(),
  running: v.number(),
  idle: v.record(v.string(), v.number()),
  pause_reason: v.nullable(v.string()),
})

/** `files` and `jobs` are counts. */
const StoredWorkspace = v.object({
  id: v.string(),
  owner: v.string(),
  version: v.number(),
  files: v.number(),
  size_bytes: v.number(),
  jobs: v.number(),
  expires_at: v.string(),
})

const StoredFile = v.object({
  file_id: v.string(),
  owner: v.string(),
  name: v.string(),
  size_bytes: v.number(),
  expires_at: v.string(),
})

export const EngineList = v.object({ engines: v.array(Engine) })
export const StoredWorkspaces = v.object({ total: v.number(), workspaces: v.array(StoredWorkspace) })
export const StoredFiles = v.object({ total: v.number(), size_bytes: v.number(), files: v.array(StoredFile) })
export const QueueList = v.object({ queues: v.array(Queue) })
export const WorkerList = v.object({ workers: v.array(Worker) })
export const HostList = v.object({ hosts: v.array(Host) })
export const DeadLetterPage = v.object({
  dead_letters: v.array(DeadLetter),
  next: v.nullable(v.string()),
})
export const Metrics = v.object({
  collected_at: v.string(),
  metrics: v.array(v.object({ name: v.string(), series: v.array(Series) })),
})

export type Engine = v.InferOutput<typeof Engine>
export type StoredWorkspaces = v.InferOutput<typeof StoredWorkspaces>
export type StoredFiles = v.InferOutput<typeof StoredFiles>
export type Queue = v.InferOutput<typeof Queue>
export type Worker = v.InferOutput<typeof Worker>
export type WorkerMessage = v.InferOutput<typeof WorkerMessage>
export type Bucket = v.InferOutput<typeof Bucket>
export type Series = v.InferOutput<typeof Series>
export type Host = v.InferOutput<typeof Host>
export type DeadLetter = v.InferOutput<typeof DeadLetter>
export type DeadLetterPage = v.InferOutput<typeof DeadLetterPage>
export type Metrics = v.InferOutput<typeof Metrics>
