/**
 * Compile-time check of the page's schemas against the types of the API, which openapi.ts contains.
 *
 * tsc fails if the server may send a value that a schema rejects, or if the page sends one that the API rejects.
 */
import type * as v from 'valibot'
import type { Problem } from './errors'
import type { AcceptedJob, QueuedJob, Submission, Ticket } from './jobs'
import type { LanguageList } from './languages'
import type { Link } from './links'
import type { components } from './openapi'
import type { ClientMessage, StreamEvent } from './streamEvents'

type Api = components['schemas']

export type Accepts<Schema extends v.GenericSchema, Sent extends v.InferInput<Schema>> = [Schema, Sent]
type Sends<Ours extends Theirs, Theirs> = [Ours, Theirs]

export type Contract = [
  Accepts<typeof LanguageList, Api['LanguagesView']>,
  Accepts<typeof AcceptedJob, Api['AcceptedJob']>,
  Accepts<typeof Link, Api['LinkView']>,
  Accepts<typeof Ticket, Api['TicketView']>,
  Accepts<typeof QueuedJob, Api['PendingJob'] | Api['FinishedJob']>,
  Accepts<typeof Problem, Api['Problem']>,
  Accepts<typeof StreamEvent, Api['Event']>,
  Sends<Submission, Api['JobRequest']>,
  Sends<ClientMessage, Api['ClientMessage']>,
]
