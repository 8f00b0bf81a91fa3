import { expect, test } from 'vitest'
import { createLineEditor } from '../../src/terminal/lineEditor'

/** A line editor, and a record of its calls. */
function recordedEditor() {
  const calls = { shown: '', sent: [] as unknown[], interrupts: 0 }
  const editor = createLineEditor(
    (text) => {
      calls.shown += text
    },
    (message) => calls.sent.push(message),
    () => {
      calls.interrupts += 1
    },
  )
  return { calls, editor }
}

test('line editor echoes and edits a line, and sends it on Enter', () => {
  const { calls, editor } = recordedEditor()

  for (const key of ['h', 'x', '\x7f', 'i', '\r']) editor.type(key)

  expect(calls.sent).toEqual([{ type: 'stdin', data: 'hi\n' }])
  expect(calls.shown).toBe('hx\b \bi\r\n')
})

test('line editor sends each line of a paste', () => {
  const { calls, editor } = recordedEditor()

  editor.type('one\r\ntwo\rthree')

  expect(calls.sent).toEqual([
    { type: 'stdin', data: 'one\n' },
    { type: 'stdin', data: 'two\n' },
  ])
})

test('Ctrl+D sends an unfinished line, and ends the input on an empty line', () => {
  const { calls, editor } = recordedEditor()

  editor.type('ab\x04\x04')

  expect(calls.sent).toEqual([{ type: 'stdin', data: 'ab' }, { type: 'eof' }])
})
