import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { startPolling } from '../../src/admin/live/poll'
import { describeError, POLL_INTERVAL_MS, retryDelayMs } from '../../src/admin/live/requestError'
import { RequestRejected, ServerUnreachable } from '../../src/api/errors'

const rejection = (status: number, retryAfter: number | null = null) =>
  new RequestRejected({ type: '', title: 'The title', status, detail: '', field: null }, retryAfter)

const page = Object.assign(new EventTarget(), { hidden: false })

beforeEach(() => {
  vi.useFakeTimers()
  vi.stubGlobal('document', page)
  vi.stubGlobal('navigator', { onLine: true })
  page.hidden = false
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

const setHidden = (hidden: boolean) => {
  page.hidden = hidden
  page.dispatchEvent(new Event('visibilitychange'))
}

const interval = () => POLL_INTERVAL_MS

test('startPolling sends one request every two seconds', async () => {
  let respond = () => {}
  const request = vi.fn(() => new Promise<void>((resolve) => (respond = resolve)))
  const poll = startPolling(request, () => {}, interval)
  poll.refresh()
  await vi.advanceTimersByTimeAsync(10 * POLL_INTERVAL_MS)
  expect(request).toHaveBeenCalledTimes(1)
  respond()
  await vi.advanceTimersByTimeAsync(POLL_INTERVAL_MS)
  expect(request).toHaveBeenCalledTimes(2)
  poll.stop()
})

test('startPolling pauses while the page is hidden', async () => {
  const request = vi.fn(async () => {})
  const poll = startPolling(request, () => {}, interval)
  await vi.advanceTimersByTimeAsync(0)
  setHidden(true)
  await vi.advanceTimersByTimeAsync(20 * POLL_INTERVAL_MS)
  expect(request).toHaveBeenCalledTimes(1)
  setHidden(false)
  expect(request).toHaveBeenCalledTimes(2)
  poll.stop()
})

test('startPolling ends when the error handler stops it', async () => {
  const request = vi.fn(() => Promise.reject(rejection(403)))
  startPolling(request, (error, stop) => describeError(error).requiresKey && stop(), interval)
  await vi.advanceTimersByTimeAsync(60_000)
  expect(request).toHaveBeenCalledTimes(1)
})

test('startPolling slows down after failures and recovers after a response', async () => {
  let isDown = true
  const request = vi.fn(() => (isDown ? Promise.reject(new ServerUnreachable('')) : Promise.resolve()))
  const poll = startPolling(request, () => {}, interval)
  await vi.advanceTimersByTimeAsync(60_000)
  expect(request.mock.calls.length).toBeLessThan(15)
  isDown = false
  await vi.advanceTimersByTimeAsync(10_000)
  const before = request.mock.calls.length
  await vi.advanceTimersByTimeAsync(5 * POLL_INTERVAL_MS)
  expect(request.mock.calls.length - before).toBe(5)
  poll.stop()
})

test('retryDelayMs is at least the Retry-After header', () => {
  expect(retryDelayMs(rejection(429, 30), 0, 0)).toBe(30_000)
  expect(retryDelayMs(new ServerUnreachable(''), 0, 0)).toBe(POLL_INTERVAL_MS)
  expect(retryDelayMs(new ServerUnreachable(''), 20, 1)).toBe(10_000)
})

test('describeError returns a text and whether another key is required', () => {
  expect(describeError(rejection(401))).toMatchObject({
    requiresKey: true,
    text: expect.stringContaining('not valid'),
  })
  expect(describeError(rejection(403))).toMatchObject({
    requiresKey: true,
    text: expect.stringContaining('not an admin key'),
  })
  expect(describeError(rejection(429, 7)).text).toBe('Too many requests. Retrying in 7 s.')
  expect(describeError(rejection(503, 2)).text).toBe('The title. Retrying in 2 s.')
  expect(describeError(new ServerUnreachable('')).text).toBe('The API does not respond.')
  vi.stubGlobal('navigator', { onLine: false })
  expect(describeError(new ServerUnreachable('')).text).toBe('You are offline.')
})
