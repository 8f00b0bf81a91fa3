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
  if (pathname.startsWith('/assets/')) event.respondWith(cacheFirst(event))
  else if (['/', '/theme.js', '/icon.svg'].includes(pathname))
    event.respondWith(networkFirst(event, pathname))
})

/** The page sends the URLs of the files that it loaded before this worker was active, see src/afterLoad.ts. */
self.addEventListener('message', (event) => event.waitUntil(cacheAll(event.data)))

async function cacheFirst(event) {
  const cached = await caches.match(event.request.url, { cacheName: CACHE })
  if (cached) return cached
  const response = await fetch(event.request)
  storeLater(event, event.request.url, response)
  return response
}

async function networkFirst(event, pathname) {
  try {
    const response = await fetch(pathname)
    storeLater(event, pathname, response)
    return response
  } catch (error) {
    const cached = await caches.match(pathname, { cacheName: CACHE })
    if (cached) return cached
    throw error
  }
}

/** The response does not wait until the cache has stored it. */
function storeLater(event, url, response) {
  if (!response.ok) return
  const copy = response.clone()
  event.waitUntil(
    caches
      .open(CACHE)
      .then((cache) => cache.put(url, copy))
      .catch(() => {}), // Without room in the cache, the page still works.
  )
}

async function cacheAll(urls) {
  const cache = await caches.open(CACHE)
  for (const url of urls) {
    if (await cache.match(url)) continue
    const response = await fetch(url)
    if (response.ok) await cache.put(url, response)
  }
  // Removes the oldest assets, which belong to previous builds.
  const assets = (await cache.keys()).filter(({ url }) => new URL(url).pathname.startsWith('/assets/'))
  for (const asset of assets.slice(0, Math.max(0, assets.length - MAX_ASSETS))) await cache.delete(asset)
}
