/** Requests for short links. Each throws RequestRejected or ServerUnreachable. */
import * as v from 'valibot'
import { requestJson, sendRequest } from './client'

export const Link = v.object({
  id: v.string(),
  /** The path of the page that opens the program. */
  link: v.string(),
  fragment: v.string(),
  expires_at: v.string(),
})

export type Link = v.InferOutput<typeof Link>

/** Stores a program on the server. `fragment` is that of a share link, without `#`. */
export async function createLink(fragment: string): Promise<Link> {
  return requestJson(Link, '/v1/links', { method: 'POST', body: JSON.stringify({ fragment }) })
}

export async function fetchLink(id: string): Promise<Link> {
  return requestJson(Link, linkPath(id))
}

export async function deleteLink(id: string): Promise<void> {
  await sendRequest(linkPath(id), { method: 'DELETE' })
}

function linkPath(id: string): string {
  return `/v1/links/${encodeURIComponent(id)}`
}
