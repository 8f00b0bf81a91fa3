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
