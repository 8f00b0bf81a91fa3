/** Asking again and again: at an even pace, more slowly while it fails, and not at all while nobody looks. */
import { EVERY_MS, pauseMs } from './trouble'

export interface Poll {
  /** At once, whatever was planned. */
  now(): void
  stop(): void
}

/** `ask` is not called before its last call has ended. `failed` hears each error; `end` ends the poll for good. */
export function poll(ask: () => Promise<void>, failed: (error: unknown, end: () => void) => void): Poll {
  let timer: ReturnType<typeof setTimeout> | undefined
  let failures = 0
  let isAsking = false
  let isOver = false

  const end = () => {
    isOver = true
    clearTimeout(timer)
    document.removeEventListener('visibilitychange', look)
  }
  const run = async () => {
    clearTimeout(timer)
    if (isAsking || isOver || document.hidden) return
    isAsking = true
    let pause = EVERY_MS
    try {
      await ask()
      failures = 0
    } catch (error) {
      if (isOver) return
      pause = pauseMs(error, failures, Math.random())
      failures += 1
      failed(error, end)
    } finally {
      isAsking = false
    }
    if (!isOver) timer = setTimeout(run, pause)
  }
  const look = () => (document.hidden ? clearTimeout(timer) : run())

  document.addEventListener('visibilitychange', look)
  run()
  return { now: run, stop: end }
}
