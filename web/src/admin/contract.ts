/** This page's schemas held against the API's types, as in api/contract.ts: tsc refuses what does not fit. */
import type { Takes } from '../api/contract'
import type { components } from '../api/openapi'
import type { DeadLetters, Figures, Hosts, Queues, Workers } from './schema'

type Api = components['schemas']

export type Contract = [
  Takes<typeof Queues, Api['QueuesView']>,
  Takes<typeof Workers, Api['WorkersView']>,
  Takes<typeof Hosts, Api['HostsView']>,
  Takes<typeof Figures, Api['MetricsView']>,
  Takes<typeof DeadLetters, Api['DeadLettersView']>,
]
