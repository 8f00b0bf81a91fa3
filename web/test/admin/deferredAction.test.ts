import fc from 'fast-check'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { deferAction } from '../../src/admin/deadLetters/deferredAction'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

test('action is executed after the delay', () => {
  const execute = vi.fn()
  deferAction(execute, 1000)

  vi.advanceTimersByTime(999)
  expect(execute).not.toHaveBeenCalled()
  vi.advanceTimersByTime(1)
  expect(execute).toHaveBeenCalledTimes(1)
})

test('no sequence of steps executes an action twice, or after it was undone', () => {
  const step = fc.constantFrom('undo', 'now', 'wait')
  fc.assert(
    fc.property(fc.array(step, { maxLength: 6 }), (steps) => {
      const execute = vi.fn()
      const action = deferAction(execute, 1000)
      let isUndone = false
      for (const name of steps) {
        if (name === 'now') action.executeNow()
        else if (name === 'wait') vi.advanceTimersByTime(1000)
        else if (action.undo()) isUndone = true
      }
      vi.advanceTimersByTime(1000)
      expect(execute).toHaveBeenCalledTimes(isUndone ? 0 : 1)
    }),
  )
})
