/** A WebSocket cannot carry a key as requests do; it is opened with a ticket, which holds once and for seconds. */
import { parsed, request } from './client'
import { readKey } from './key'
import { Ticket } from './schema'

/** Null where there is no key: then everybody is the same. Throws Refused or Unreachable. */
export async function ticket(): Promise<string | null> {
  if (readKey() === null) return null
  return parsed(Ticket, await request('/v1/tickets', { method: 'POST' })).ticket
}
