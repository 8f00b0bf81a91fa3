/** What is asked below /v1/admin: one function a route, each throws Refused or Unreachable. */
import { parsed, request, send } from '../api/client'
import {
  type DeadLetter,
  DeadLetters,
  Figures,
  type Host,
  Hosts,
  type Queue,
  Queues,
  type Worker,
  Workers,
} from './schema'

export async function queues(): Promise<Queue[]> {
  return parsed(Queues, await request('/v1/admin/queues')).queues
}

export async function workers(): Promise<Worker[]> {
  return parsed(Workers, await request('/v1/admin/workers')).workers
}

export async function hosts(): Promise<Host[]> {
  return parsed(Hosts, await request('/v1/admin/hosts')).hosts
}

export async function figures(): Promise<Figures> {
  return parsed(Figures, await request('/v1/admin/metrics'))
}

/** A page of them, newest first, behind the letter `after`. */
export async function deadLetters(queue: string, count: number, after: string | null): Promise<DeadLetters> {
  const query = new URLSearchParams({ limit: String(count), ...(after && { after }) })
  return parsed(DeadLetters, await request(`/v1/admin/dead/${encodeURIComponent(queue)}?${query}`))
}

export async function replay(letter: DeadLetter): Promise<void> {
  await send(`${address(letter)}/replay`, { method: 'POST' })
}

export async function drop(letter: DeadLetter): Promise<void> {
  await send(address(letter), { method: 'DELETE' })
}

function address({ queue, id }: DeadLetter): string {
  return `/v1/admin/dead/${encodeURIComponent(queue)}/${encodeURIComponent(id)}`
}
