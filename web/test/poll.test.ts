import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { poll } from '../src/admin/poll'
import { EVERY_MS, pauseMs, troubleOf } from '../src/admin/trouble'
import { Refused, Unreachable } from '../src/api/errors'

const refused = (status: number, retryAfter: number | null = null) =>
  new Refused({ type: '', title: 'The title', status, detail: '', field: null }, retryAfter)

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

const look = (hidden: boolean) => {
  page.hidden = hidden
  page.dispatchEvent(new Event('visibilitychange'))
}

test('it is asked every two seconds, and never twice at once', async () => {
  let answer = () => {}
  const ask = vi.fn(() => new Promise<void>((resolve) => (answer = resolve)))
  const running = poll(ask, () => {})
  running.now()
  await vi.advanceTimersByTimeAsync(10 * EVERY_MS)
  expect(ask).toHaveBeenCalledTimes(1)
  answer()
  await vi.advanceTimersByTimeAsync(EVERY_MS)
  expect(ask).toHaveBeenCalledTimes(2)
  running.stop()
})

test('nobody is asked while nobody looks, and at once when somebody does again', async () => {
  const ask = vi.fn(async () => {})
  const running = poll(ask, () => {})
  await vi.advanceTimersByTimeAsync(0)
  look(true)
  await vi.advanceTimersByTimeAsync(20 * EVERY_MS)
  expect(ask).toHaveBeenCalledTimes(1)
  look(false)
  expect(ask).toHaveBeenCalledTimes(2)
  running.stop()
})

test('what was refused for good ends it', async () => {
  const ask = vi.fn(() => Promise.reject(refused(403)))
  poll(ask, (error, end) => troubleOf(error).wantsKey && end())
  await vi.advanceTimersByTimeAsync(60_000)
  expect(ask).toHaveBeenCalledTimes(1)
})

test('failures slow it down, one answer brings back the pace', async () => {
  let isDown = true
  const ask = vi.fn(() => (isDown ? Promise.reject(new Unreachable('')) : Promise.resolve()))
  const running = poll(ask, () => {})
  await vi.advanceTimersByTimeAsync(60_000)
  expect(ask.mock.calls.length).toBeLessThan(15)
  isDown = false
  await vi.advanceTimersByTimeAsync(10_000)
  const asked = ask.mock.calls.length
  await vi.advanceTimersByTimeAsync(5 * EVERY_MS)
  expect(ask.mock.calls.length - asked).toBe(5)
  running.stop()
})

test('the pause is never shorter than what the server asks for', () => {
  expect(pauseMs(refused(429, 30), 0, 0)).toBe(30_000)
  expect(pauseMs(new Unreachable(''), 0, 0)).toBe(EVERY_MS)
  expect(pauseMs(new Unreachable(''), 20, 1)).toBe(10_000)
})

test('troubles are told in words', () => {
  expect(troubleOf(refused(401))).toMatchObject({
    wantsKey: true,
    text: expect.stringContaining('does not know'),
  })
  expect(troubleOf(refused(403))).toMatchObject({
    wantsKey: true,
    text: expect.stringContaining('not an admin key'),
  })
  expect(troubleOf(refused(429, 7)).text).toBe('Too many requests. It is asked again in 7 s.')
  expect(troubleOf(refused(503, 2)).text).toBe('The title. It is asked again in 2 s.')
  expect(troubleOf(new Unreachable('')).text).toBe('The API does not answer.')
  vi.stubGlobal('navigator', { onLine: false })
  expect(troubleOf(new Unreachable('')).text).toBe('You are offline.')
})
