/** What is asked of jobs: one function a route, each throws Refused or Unreachable. */
import { parsed, request, send } from './client'
import { Accepted, JobView, type Submission } from './schema'

export async function submit(submission: Submission): Promise<Accepted> {
  return parsed(Accepted, await request('/v1/jobs', { method: 'POST', body: JSON.stringify(submission) }))
}

export async function job(id: string): Promise<JobView> {
  return parsed(JobView, await request(address(id)))
}

export async function cancel(id: string): Promise<void> {
  await send(`${address(id)}/cancel`, { method: 'POST' })
}

/** The bytes of a file that it has left, whatever they are. */
export async function artifact(id: string, name: string): Promise<Blob> {
  const path = name.split('/').map(encodeURIComponent).join('/')
  const response = await send(`${address(id)}/artifacts/${path}`)
  return response.blob()
}

function address(id: string): string {
  return `/v1/jobs/${encodeURIComponent(id)}`
}
