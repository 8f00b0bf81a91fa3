import { useCallback, useEffect, useRef, useState } from 'react'
import { useSettings } from '../../settings/settings'
import {
  fetchEngines,
  fetchHosts,
  fetchMetrics,
  fetchQueues,
  fetchStoredFiles,
  fetchStoredWorkspaces,
  fetchWorkers,
} from '../api/requests'
import type { Engine, Host, Metrics, Queue, StoredFiles, StoredWorkspaces, Worker } from '../api/schema'
import { addSample, createSample, type Sample } from '../charts/samples'
import { type Poll, startPolling } from './poll'
import { describeError, type RequestError } from './requestError'

/** The last responses of the API, and the samples of the last minutes. */
export interface Snapshot {
  /** The time of the responses by the clock of the page: Unix time in milliseconds. */
  timestampMs: number
  queues: Queue[]
  workers: Worker[]
  engines: Engine[]
  hosts: Host[]
  workspaces: StoredWorkspaces
  files: StoredFiles
  metrics: Metrics
  samples: Sample[]
}

interface LiveData {
  snapshot: Snapshot | null
  error: RequestError | null
  refresh(): void
}

/** Workers report their languages every 15 s. Workspaces and files change as slowly. */
const SLOW_INTERVAL_MS = 10_000

/** Polls everything that the page shows, until the key is rejected. */
export function useLiveData(onKeyRejected: (error: RequestError) => void): LiveData {
  const [snapshot, setSnapshot] = useState<Snapshot | null>(null)
  const [error, setError] = useState<RequestError | null>(null)
  const poll = useRef<Poll>(null)
  useEffect(() => {
    let last: Snapshot | null = null
    let slowDataFetchedMs = Number.NEGATIVE_INFINITY
    const fetchAll = async () => {
      const isDue = last === null || Date.now() - slowDataFetchedMs >= SLOW_INTERVAL_MS
      const [queues, workers, engines, metrics, slowData] = await Promise.all([
        fetchQueues(),
        fetchWorkers(),
        fetchEngines(),
        fetchMetrics(),
        isDue || !last ? fetchSlowData() : last,
      ])
      const timestampMs = Date.now()
      if (isDue) slowDataFetchedMs = timestampMs
      const samples = addSample(last?.samples ?? [], createSample(timestampMs, queues, metrics))
      const { hosts, workspaces, files } = slowData
      last = { timestampMs, queues, workers, engines, hosts, workspaces, files, metrics, samples }
      setSnapshot(last)
      setError(null)
    }
    const started = startPolling(
      fetchAll,
      (failure, stop) => {
        const described = describeError(failure)
        setError(described)
        if (!described.requiresKey) return
        stop()
        onKeyRejected(described)
      },
      () => useSettings.getState().adminRefreshSeconds * 1000,
    )
    poll.current = started
    return () => started.stop()
  }, [onKeyRejected])
  return { snapshot, error, refresh: useCallback(() => poll.current?.refresh(), []) }
}

async function fetchSlowData(): Promise<Pick<Snapshot, 'hosts' | 'workspaces' | 'files'>> {
  const [hosts, workspaces, files] = await Promise.all([
    fetchHosts(),
    fetchStoredWorkspaces(),
    fetchStoredFiles(),
  ])
  return { hosts, workspaces, files }
}
