import { expect, test } from 'vitest'
import { lineMode } from '../src/terminal/lineMode'

function typing() {
  const heard = { shown: '', sent: [] as unknown[], interrupts: 0 }
  const mode = lineMode(
    (text) => {
      heard.shown += text
    },
    (message) => heard.sent.push(message),
    () => {
      heard.interrupts += 1
    },
  )
  return { heard, mode }
}

test('a line is shown as it is typed and sent when it is done', () => {
  const { heard, mode } = typing()

  for (const key of ['h', 'x', '\x7f', 'i', '\r']) mode.type(key)

  expect(heard.sent).toEqual([{ type: 'stdin', data: 'hi\n' }])
  expect(heard.shown).toBe('hx\b \bi\r\n')
})

test('a paste of several lines is several lines', () => {
  const { heard, mode } = typing()

  mode.type('one\r\ntwo\rthree')

  expect(heard.sent).toEqual([
    { type: 'stdin', data: 'one\n' },
    { type: 'stdin', data: 'two\n' },
  ])
})

test('Ctrl+D sends what there is, and ends the input on an empty line', () => {
  const { heard, mode } = typing()

  mode.type('ab\x04\x04')

  expect(heard.sent).toEqual([{ type: 'stdin', data: 'ab' }, { type: 'eof' }])
})
