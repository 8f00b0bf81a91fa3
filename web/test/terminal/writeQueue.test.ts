import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createWriteQueue } from '../../src/terminal/writeQueue'

/** A terminal that processes text when the test calls `processAll`. */
function slowTerminal() {
  const received: string[] = []
  const callbacks: (() => void)[] = []
  const write = (text: string, onDone: () => void) => {
    received.push(text)
    callbacks.push(onDone)
  }
  const processAll = () => {
    for (let onDone = callbacks.shift(); onDone; onDone = callbacks.shift()) onDone()
  }
  return { received, processAll, write }
}

const MEBIBYTE = 'x'.repeat(1024 * 1024)

test('write queue limits the pending text and keeps the order', () => {
  const terminal = slowTerminal()
  const queue = createWriteQueue(terminal)

  for (const text of [MEBIBYTE, 'second', 'third']) queue.write(text)

  expect(terminal.received).toEqual([MEBIBYTE])
  terminal.processAll()
  expect(terminal.received.slice(1)).toEqual(['second', 'third'])
})

test('clear discards queued text but not later text', () => {
  const terminal = slowTerminal()
  const queue = createWriteQueue(terminal)
  queue.write(MEBIBYTE)
  queue.write('dropped')

  queue.clear()
  queue.write('kept')

  terminal.processAll()
  expect(terminal.received).toEqual([MEBIBYTE, 'kept'])
})

test('text that the scrollback cannot hold is dropped, and the last lines are kept', () => {
  const chunk = fc.array(fc.constantFrom('a', 'bc', '\n', '\x1b[31m', '\x1b[0m'), {
    minLength: 1,
    maxLength: 8,
  })
  fc.assert(
    fc.property(
      fc.array(chunk, { minLength: 1, maxLength: 6 }),
      fc.integer({ min: 1, max: 50 }),
      (chunks, maxLines) => {
        const terminal = slowTerminal()
        const queue = createWriteQueue(terminal, { maxLines: () => maxLines })
        const texts = chunks.map((parts) => parts.join('').repeat(30_000))
        for (const text of texts) queue.write(text)
        terminal.processAll()

        const expected = texts.join('').split('\n').slice(-maxLines)
        expect(terminal.received.join('').split('\n').slice(-maxLines)).toEqual(expected)
      },
    ),
    { numRuns: 10 },
  )
})

test('text with other escape sequences is not dropped', () => {
  const terminal = slowTerminal()
  const queue = createWriteQueue(terminal, { maxLines: () => 10 })
  const texts = [MEBIBYTE, '\x1b[2J', 'line\n'.repeat(300_000)]

  for (const text of texts) queue.write(text)

  terminal.processAll()
  expect(terminal.received.join('')).toBe(texts.join(''))
})
