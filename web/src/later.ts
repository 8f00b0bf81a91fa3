/** What the page begins without: letters beyond Latin-1, and keeping itself for when there is no network. */
import './styles/letters.css'

const OWN = /^\/(assets\/.*|theme\.js|icon\.svg)?$/
// By then everything that a first visit loads is there.
const SETTLED_MS = 3000

/** public/sw.js keeps the page, once it knows what that is made of. */
async function keepForOffline(): Promise<void> {
  await navigator.serviceWorker.register('/sw.js')
  const { active } = await navigator.serviceWorker.ready
  const loaded = performance.getEntriesByType('resource').map(({ name }) => new URL(name))
  const own = loaded.filter(({ origin, pathname }) => origin === location.origin && OWN.test(pathname))
  active?.postMessage(['/', ...own.map(({ pathname }) => pathname)])
}

if (import.meta.env.PROD && 'serviceWorker' in navigator)
  setTimeout(() => keepForOffline().catch(() => {}), SETTLED_MS)
