/** Compile-time check of the schemas of /v1/admin, as in src/api/contract.ts. */
import type { Accepts } from '../../api/contract'
import type { components } from '../../api/openapi'
import type {
  DeadLetterPage,
  EngineList,
  HostList,
  Metrics,
  QueueList,
  StoredFiles,
  StoredWorkspaces,
  WorkerList,
} from './schema'

type Api = components['schemas']

export type Contract = [
  Accepts<typeof QueueList, Api['QueuesView']>,
  Accepts<typeof WorkerList, Api['WorkersView']>,
  Accepts<typeof HostList, Api['HostsView']>,
  Accepts<typeof EngineList, Api['EnginesView']>,
  Accepts<typeof StoredWorkspaces, Api['StoredWorkspacesView']>,
  Accepts<typeof StoredFiles, Api['StoredFilesView']>,
  Accepts<typeof Metrics, Api['MetricsView']>,
  Accepts<typeof DeadLetterPage, Api['DeadLettersView']>,
]
