/**
 * The page's own schemas held against the API's types (openapi.ts, generated from its document): nothing runs here, tsc
 * refuses what does not fit. What the server may send has to be something that the page takes, and what the page sends
 * something that the server takes.
 */
import type * as v from 'valibot'
import type { ClientMessage, StreamEvent } from './events'
import type { components } from './openapi'
import type { Accepted, JobView, Languages, Problem, Submission, Ticket } from './schema'

type Api = components['schemas']

export type Takes<Schema extends v.GenericSchema, Sent extends v.InferInput<Schema>> = [Schema, Sent]
type Sends<Ours extends Theirs, Theirs> = [Ours, Theirs]

export type Contract = [
  Takes<typeof Languages, Api['LanguagesView']>,
  Takes<typeof Accepted, Api['AcceptedJob']>,
  Takes<typeof Ticket, Api['TicketView']>,
  Takes<typeof JobView, Api['PendingJob'] | Api['FinishedJob']>,
  Takes<typeof Problem, Api['Problem']>,
  Takes<typeof StreamEvent, Api['Event']>,
  Sends<Submission, Api['JobRequest']>,
  Sends<ClientMessage, Api['ClientMessage']>,
]
