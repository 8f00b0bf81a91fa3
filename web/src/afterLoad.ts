/** Parts that the page does not need at first: fonts for characters beyond Latin-1, and the service worker. */
import { listenToDrops } from './files/dropFiles'
import './styles/extendedFonts.css'

const CACHED_PATHS = /^\/(assets\/.*|theme\.js|icon\.svg)?$/
// After this delay, all files of a first visit are loaded.
const CACHE_DELAY_MS = 3000

/** Registers public/sw.js and sends it the URLs of the loaded files, so that the page opens without a network. */
async function registerServiceWorker(): Promise<void> {
  await navigator.serviceWorker.register('/sw.js')
  const { active } = await navigator.serviceWorker.ready
  const loaded = performance.getEntriesByType('resource').map(({ name }) => new URL(name))
  const paths = loaded
    .filter(({ origin, pathname }) => origin === location.origin && CACHED_PATHS.test(pathname))
    .map(({ pathname }) => pathname)
  active?.postMessage(['/', ...paths])
}

listenToDrops()

if (import.meta.env.PROD && 'serviceWorker' in navigator)
  setTimeout(() => registerServiceWorker().catch(() => {}), CACHE_DELAY_MS)
