import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createWriteQueue } from '../../src/terminal/writeQueue'

/** A terminal that processes text when the test calls `processAll`, and frames that start when it calls `nextFrame`. */
function slowTerminal() {
  const received: string[] = []
  const callbacks: (() => void)[] = []
  let frame: (() => void) | null = null
  let milliseconds = 0
  const processAll = () => {
    for (let onDone = callbacks.shift(); onDone; onDone = callbacks.shift()) onDone()
  }
  return {
    received,
    processAll,
    write: (text: string, onDone: () => void) => {
      received.push(text)
      callbacks.push(onDone)
    },
    clock: {
      now: () => milliseconds,
      requestFrame: (callback: () => void) => {
        frame = callback
      },
    },
    passTime: (ms: number) => {
      milliseconds += ms
    },
    nextFrame: () => {
      const callback = frame
      frame = null
      callback?.()
    },
  }
}

const MEBIBYTE = 'x'.repeat(1024 * 1024)

test('terminal gets the next piece only when it has processed the one before', () => {
  const terminal = slowTerminal()
  const queue = createWriteQueue(terminal, terminal.clock)

  for (const text of [MEBIBYTE, 'second', 'third']) queue.write(text)

  expect(terminal.received).toHaveLength(1)
  expect(terminal.received[0]?.length).toBeLessThanOrEqual(8192)
  terminal.processAll()
  expect(terminal.received.join('')).toBe(`${MEBIBYTE}secondthird`)
})

test('terminal gets no more text in a frame after the budget of the frame', () => {
  const terminal = slowTerminal()
  const queue = createWriteQueue(terminal, terminal.clock)
  queue.write(MEBIBYTE)

  terminal.passTime(9)
  terminal.processAll()

  expect(terminal.received).toHaveLength(1)
  terminal.nextFrame()
  expect(terminal.received).toHaveLength(2)
  terminal.processAll()
  expect(terminal.received.join('')).toBe(MEBIBYTE)
})

test('short text after a pause is written at once', () => {
  const terminal = slowTerminal()
  const queue = createWriteQueue(terminal, terminal.clock)
  queue.write('first')
  terminal.processAll()
  terminal.passTime(1000)

  queue.write('second')

  expect(terminal.received).toEqual(['first', 'second'])
})

test('write calls each callback once, when all text before is processed', () => {
  const terminal = slowTerminal()
  const queue = createWriteQueue(terminal, terminal.clock)
  const done: number[] = []
  queue.write(MEBIBYTE, () => done.push(terminal.received.join('').length))
  queue.write('end', () => done.push(terminal.received.join('').length))

  terminal.processAll()

  expect(done).toEqual([MEBIBYTE.length, MEBIBYTE.length + 3])
})

test('terminal that processes text at once gets each piece once', () => {
  const received: string[] = []
  const queue = createWriteQueue({
    write: (text, onDone) => {
      received.push(text)
      onDone()
    },
  })

  queue.write('x'.repeat(20_000))

  expect(received.join('')).toBe('x'.repeat(20_000))
})

test('clear discards queued text but not later text', () => {
  const terminal = slowTerminal()
  const queue = createWriteQueue(terminal, terminal.clock)
  queue.write('first')
  queue.write('discarded')

  queue.clear()
  queue.write('kept')

  terminal.processAll()
  expect(terminal.received).toEqual(['first', 'kept'])
})

test('text that the scrollback cannot hold is skipped, and the last lines are kept', () => {
  const chunk = fc.array(fc.constantFrom('a', 'bc', '\n', '\x1b[31m', '\x1b[0m', '\x1b[K', '\b'), {
    minLength: 1,
    maxLength: 8,
  })
  fc.assert(
    fc.property(
      fc.array(chunk, { minLength: 1, maxLength: 6 }),
      fc.integer({ min: 1, max: 50 }),
      (chunks, maxLines) => {
        const terminal = slowTerminal()
        let skipped = 0
        const queue = createWriteQueue(terminal, {
          ...terminal.clock,
          maxLines: () => maxLines,
          onSkip: (characters) => {
            skipped += characters
          },
        })
        const text = chunks.map((parts) => parts.join('').repeat(30_000)).join('')
        for (let at = 0; at < text.length; at += 65_536) queue.write(text.slice(at, at + 65_536))
        terminal.processAll()

        const received = terminal.received.join('')
        const expected = text.split('\n').slice(-maxLines)
        expect(received.split('\n').slice(-maxLines)).toEqual(expected)
        if (skipped === 0) expect(received).toBe(text)
        else expect(received.length).toBeLessThan(text.length)
      },
    ),
    { numRuns: 10 },
  )
})

test('most of a long output is skipped', () => {
  const terminal = slowTerminal()
  let skipped = 0
  const queue = createWriteQueue(terminal, {
    ...terminal.clock,
    maxLines: () => 100,
    onSkip: (characters) => {
      skipped += characters
    },
  })
  const line = `${'0'.repeat(99)}\n`

  for (let count = 0; count < 160; count += 1) queue.write(line.repeat(655))
  terminal.processAll()

  expect(skipped).toBeGreaterThan(9_000_000)
})

test('text with other escape sequences is not skipped', () => {
  const terminal = slowTerminal()
  const queue = createWriteQueue(terminal, { ...terminal.clock, maxLines: () => 10 })
  const texts = [MEBIBYTE, '\x1b[2J', 'line\n'.repeat(300_000)]

  for (const text of texts) queue.write(text)

  terminal.processAll()
  expect(terminal.received.join('')).toBe(texts.join(''))
})
