/** Repeats a request: at a fixed interval, with backoff after failures, and not while the page is hidden. */
import { retryDelayMs } from './requestError'

export interface Poll {
  /** Repeats the request now. */
  refresh(): void
  stop(): void
}

/**
 * Starts polling.
 *
 * @param request is not called again until its last call has settled.
 * @param intervalMs is read before each delay.
 * @param onError is called for each failure. It may call `stop`.
 */
export function startPolling(
  request: () => Promise<void>,
  onError: (error: unknown, stop: () => void) => void,
  intervalMs: () => number,
): Poll {
  let timer: ReturnType<typeof setTimeout> | undefined
  let failures = 0
  let isPending = false
  let isStopped = false

  const stop = () => {
    isStopped = true
    clearTimeout(timer)
    document.removeEventListener('visibilitychange', onVisibilityChange)
  }
  const refresh = async () => {
    clearTimeout(timer)
    if (isPending || isStopped || document.hidden) return
    isPending = true
    let delay = intervalMs()
    try {
      await request()
      failures = 0
    } catch (error) {
      if (isStopped) return
      delay = Math.max(delay, retryDelayMs(error, failures, Math.random()))
      failures += 1
      onError(error, stop)
    } finally {
      isPending = false
    }
    if (!isStopped) timer = setTimeout(refresh, delay)
  }
  const onVisibilityChange = () => (document.hidden ? clearTimeout(timer) : refresh())

  document.addEventListener('visibilitychange', onVisibilityChange)
  refresh()
  return { refresh, stop }
}
