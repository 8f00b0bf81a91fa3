/** One function for each route of /v1/admin that the page uses. Each throws RequestRejected or ServerUnreachable. */
import { requestJson, sendRequest } from '../../api/client'
import {
  type DeadLetter,
  DeadLetterPage,
  type Engine,
  EngineList,
  type Host,
  HostList,
  Metrics,
  type Queue,
  QueueList,
  StoredFiles,
  StoredWorkspaces,
  type Worker,
  WorkerList,
} from './schema'

export async function fetchQueues(): Promise<Queue[]> {
  return (await requestJson(QueueList, '/v1/admin/queues')).queues
}

export async function pauseQueue(name: string): Promise<void> {
  await sendRequest(`/v1/admin/queues/${encodeURIComponent(name)}/pause`, { method: 'POST' })
}

export async function resumeQueue(name: string): Promise<void> {
  await sendRequest(`/v1/admin/queues/${encodeURIComponent(name)}/resume`, { method: 'POST' })
}

export async function fetchWorkers(): Promise<Worker[]> {
  return (await requestJson(WorkerList, '/v1/admin/workers')).workers
}

export async function fetchHosts(): Promise<Host[]> {
  return (await requestJson(HostList, '/v1/admin/hosts')).hosts
}

export async function fetchEngines(): Promise<Engine[]> {
  return (await requestJson(EngineList, '/v1/admin/engines')).engines
}

export async function fetchStoredWorkspaces(): Promise<StoredWorkspaces> {
  return requestJson(StoredWorkspaces, '/v1/admin/workspaces')
}

export async function fetchStoredFiles(): Promise<StoredFiles> {
  return requestJson(StoredFiles, '/v1/admin/files')
}

export async function fetchMetrics(): Promise<Metrics> {
  return requestJson(Metrics, '/v1/admin/metrics')
}

/** Returns a page of dead letters, newest first, after the one with the id `after`. */
export async function fetchDeadLetters(
  queue: string,
  limit: number,
  after: string | null,
): Promise<DeadLetterPage> {
  const query = new URLSearchParams({ limit: String(limit), ...(after && { after }) })
  return requestJson(DeadLetterPage, `/v1/admin/dead/${encodeURIComponent(queue)}?${query}`)
}

export async function replayDeadLetter(deadLetter: DeadLetter): Promise<void> {
  await sendRequest(`${deadLetterPath(deadLetter)}/replay`, { method: 'POST' })
}

export async function dropDeadLetter(deadLetter: DeadLetter): Promise<void> {
  await sendRequest(deadLetterPath(deadLetter), { method: 'DELETE' })
}

function deadLetterPath({ queue, id }: DeadLetter): string {
  return `/v1/admin/dead/${encodeURIComponent(queue)}/${encodeURIComponent(id)}`
}
