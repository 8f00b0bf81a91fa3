/**
 * Service worker of the editor page: caches its files, so that it opens without a network. API requests bypass it.
 *
 * Files under /assets/ have a hash of their content in their names and come from the cache first. The page itself comes
 * from the network first.
 */
const CACHE = 'pyxec-shell'
const MAX_ASSETS = 120

self.addEventListener('install', (event) => event.waitUntil(self.skipWaiting()))

self.addEventListener('fetch', (event) => {
  const { pathname, origin } = new URL(event.request.url)
  if (origin !== location.origin || event.request.method !== 'GET') return
  if (pathname.startsWith('/assets/')) event.respondWith(cacheFirst(event.request))
  else if (['/', '/theme.js', '/icon.svg'].includes(pathname)) event.respondWith(networkFirst(pathname))
})

/** The page sends the URLs of the files that it loaded before this worker was active, see src/afterLoad.ts. */
self.addEventListener('message', (event) => event.waitUntil(cacheAll(event.data)))

async function cacheFirst(request) {
  const cache = await caches.open(CACHE)
  const cached = await cache.match(request.url)
  return cached ?? store(cache, request.url, await fetch(request))
}

async function networkFirst(pathname) {
  const cache = await caches.open(CACHE)
  try {
    return await store(cache, pathname, await fetch(pathname))
  } catch (error) {
    const cached = await cache.match(pathname)
    if (cached) return cached
    throw error
  }
}

async function store(cache, url, response) {
  if (response.ok) await cache.put(url, response.clone())
  return response
}

async function cacheAll(urls) {
  const cache = await caches.open(CACHE)
  for (const url of urls) {
    if (!(await cache.match(url))) await store(cache, url, await fetch(url))
  }
  // Removes the oldest assets, which belong to previous builds.
  const assets = (await cache.keys()).filter(({ url }) => new URL(url).pathname.startsWith('/assets/'))
  for (const asset of assets.slice(0, Math.max(0, assets.length - MAX_ASSETS))) await cache.delete(asset)
}
