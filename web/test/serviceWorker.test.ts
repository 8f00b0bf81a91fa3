import { readFileSync } from 'node:fs'
import { beforeEach, expect, test, vi } from 'vitest'

const ORIGIN = 'https://pyxec.example'

interface FetchEvent {
  request: { url: string; method: string }
  respondWith(response: Promise<Response>): void
  waitUntil(work: Promise<unknown>): void
}

const handlers = new Map<string, (event: FetchEvent) => void>()
const cache = { put: vi.fn(), match: vi.fn() }
const fetchFromServer = vi.fn()

/** Returns the response of the service worker, or null if the browser fetches the file itself. */
function request(path: string, method = 'GET'): Promise<Response> | null {
  let response: Promise<Response> | null = null
  handlers.get('fetch')?.({
    request: { url: ORIGIN + path, method },
    respondWith: (promise) => {
      response = promise
    },
    waitUntil: () => {},
  })
  return response
}

beforeEach(() => {
  for (const mock of [cache.put, cache.match, fetchFromServer]) mock.mockReset()
  cache.match.mockResolvedValue(undefined)
  fetchFromServer.mockImplementation(async () => new Response('from the server'))
  const scope = {
    addEventListener: (name: string, handler: (event: FetchEvent) => void) => handlers.set(name, handler),
  }
  const caches = { open: async () => cache, match: cache.match }
  const source = readFileSync(new URL('../public/sw.js', import.meta.url), 'utf8')
  new Function('self', 'caches', 'fetch', 'location', source)(scope, caches, fetchFromServer, {
    origin: ORIGIN,
  })
})

test.each(['/', '/assets/index-1.js'])('response of %s does not wait for the cache', async (path) => {
  cache.put.mockReturnValue(new Promise(() => {})) // The cache never stores it.

  expect(await (await request(path))?.text()).toBe('from the server')
  expect(cache.put).toHaveBeenCalled()
})

test('page comes from the cache only without a network', async () => {
  cache.match.mockImplementation(async () => new Response('from the cache'))
  expect(await (await request('/'))?.text()).toBe('from the server')

  fetchFromServer.mockRejectedValue(new TypeError('offline'))

  expect(await (await request('/'))?.text()).toBe('from the cache')
})

test.each([
  ['/v1/jobs', 'GET'],
  ['/v1/jobs', 'POST'],
  ['/admin', 'GET'],
])('request of %s with %s bypasses the service worker', (path, method) => {
  expect(request(path, method)).toBeNull()
})
