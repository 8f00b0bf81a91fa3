import { expect, test } from 'vitest'
import { paced } from '../src/terminal/pacing'

/** A terminal that reads when the test says so. */
function slowTerminal() {
  const given: string[] = []
  const waiting: (() => void)[] = []
  const write = (text: string, done: () => void) => {
    given.push(text)
    waiting.push(done)
  }
  const readAll = () => {
    for (let done = waiting.shift(); done; done = waiting.shift()) done()
  }
  return { given, readAll, write }
}

const MEBIBYTE = 'x'.repeat(1024 * 1024)

test('a terminal is given no more than it can read, and all of it in order', () => {
  const terminal = slowTerminal()
  const pace = paced(terminal)

  for (const text of [MEBIBYTE, 'second', 'third']) pace.write(text)

  expect(terminal.given).toEqual([MEBIBYTE])
  terminal.readAll()
  expect(terminal.given.slice(1)).toEqual(['second', 'third'])
})

test('what waits can be dropped, and what is written then still comes', () => {
  const terminal = slowTerminal()
  const pace = paced(terminal)
  pace.write(MEBIBYTE)
  pace.write('dropped')

  pace.forget()
  pace.write('kept')

  terminal.readAll()
  expect(terminal.given).toEqual([MEBIBYTE, 'kept'])
})
