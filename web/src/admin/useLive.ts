import { useCallback, useEffect, useRef, useState } from 'react'
import { type Poll, poll } from './poll'
import { figures, hosts, queues, workers } from './requests'
import { type Sample, sampleOf, withSample } from './samples'
import type { Figures, Host, Queue, Worker } from './schema'
import { type Trouble, troubleOf } from './trouble'

/** What was told last, and what was told before. */
export interface Now {
  /** By this page's clock, ms. */
  at: number
  queues: Queue[]
  workers: Worker[]
  hosts: Host[]
  figures: Figures
  samples: Sample[]
}

interface Live {
  now: Now | null
  trouble: Trouble | null
  /** Ask at once. */
  refresh(): void
}

/** Hosts tell of their images every 15 s. */
const HOSTS_MS = 10_000

/** Everything this page shows, asked for as long as it is shown. */
export function useLive(onKeyRefused: (trouble: Trouble) => void): Live {
  const [now, setNow] = useState<Now | null>(null)
  const [trouble, setTrouble] = useState<Trouble | null>(null)
  const running = useRef<Poll>(null)
  useEffect(() => {
    let last: Now | null = null
    let hostsAt = Number.NEGATIVE_INFINITY
    const ask = async () => {
      const isDue = Date.now() - hostsAt >= HOSTS_MS
      const told = await Promise.all([queues(), workers(), figures(), isDue || !last ? hosts() : last.hosts])
      const at = Date.now()
      if (isDue) hostsAt = at
      const [theQueues, theWorkers, theFigures, theHosts] = told
      const samples = withSample(last?.samples ?? [], sampleOf(at, theQueues, theFigures))
      last = { at, queues: theQueues, workers: theWorkers, figures: theFigures, hosts: theHosts, samples }
      setNow(last)
      setTrouble(null)
    }
    const started = poll(ask, (error, end) => {
      const found = troubleOf(error)
      setTrouble(found)
      if (!found.wantsKey) return
      end()
      onKeyRefused(found)
    })
    running.current = started
    return () => started.stop()
  }, [onKeyRefused])
  return { now, trouble, refresh: useCallback(() => running.current?.now(), []) }
}
