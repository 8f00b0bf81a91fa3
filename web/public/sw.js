/**
 * The page without a network: what it is made of is kept as it is loaded. Requests to the API never come through here.
 * A file under /assets/ has its content's hash in its name and is taken from here; the page itself is asked for first.
 */
const CACHE = 'pyxec-shell'
const MOST_ASSETS = 120

self.addEventListener('install', (event) => event.waitUntil(self.skipWaiting()))

self.addEventListener('fetch', (event) => {
  const { pathname, origin } = new URL(event.request.url)
  if (origin !== location.origin || event.request.method !== 'GET') return
  if (pathname.startsWith('/assets/')) event.respondWith(keptFirst(event.request))
  else if (['/', '/theme.js', '/icon.svg'].includes(pathname)) event.respondWith(askedFirst(pathname))
})

/** The page tells what it had loaded before this worker was there. */
self.addEventListener('message', (event) => event.waitUntil(keepAll(event.data)))

async function keptFirst(request) {
  const cache = await caches.open(CACHE)
  const kept = await cache.match(request.url)
  return kept ?? keep(cache, request.url, await fetch(request))
}

async function askedFirst(pathname) {
  const cache = await caches.open(CACHE)
  try {
    return await keep(cache, pathname, await fetch(pathname))
  } catch (error) {
    const kept = await cache.match(pathname)
    if (kept) return kept
    throw error
  }
}

async function keep(cache, url, response) {
  if (response.ok) await cache.put(url, response.clone())
  return response
}

async function keepAll(urls) {
  const cache = await caches.open(CACHE)
  for (const url of urls) {
    if (!(await cache.match(url))) await keep(cache, url, await fetch(url))
  }
  // Of pages that were replaced the assets stay behind: the oldest go.
  const assets = (await cache.keys()).filter(({ url }) => new URL(url).pathname.startsWith('/assets/'))
  for (const old of assets.slice(0, Math.max(0, assets.length - MOST_ASSETS))) await cache.delete(old)
}
