import { expect, test } from 'vitest'
import { OutputLog } from '../../src/output/outputLog'

const bytes = (text: string) => new TextEncoder().encode(text)

test('append joins a character that is split between two chunks of a stream', () => {
  const output = new OutputLog()
  const euro = bytes('€')

  output.append('stdout', euro.slice(0, 1))
  output.append('stderr', bytes('!'))
  output.append('stdout', euro.slice(1))

  expect(output.text('stdout')).toBe('€')
  expect(output.text('stderr')).toBe('!')
})

test('subscribe reports earlier and later output once', () => {
  const output = new OutputLog()
  output.append('stdout', bytes('a'))
  const received: string[] = []

  output.subscribe((change) => received.push(change === 'cleared' ? 'cleared' : change.text))
  output.append('stdout', bytes('b'))
  output.clear()

  expect(received).toEqual(['a', 'b', 'cleared'])
  expect(output.text()).toBe('')
})

test('text returns terminal output with the line ends of files', () => {
  const output = new OutputLog()
  const received: string[] = []
  output.subscribe((change) => received.push(change === 'cleared' ? 'cleared' : change.text))

  output.append('terminal', bytes('one\r\n'))

  expect(received).toEqual(['one\r\n'])
  expect(output.text()).toBe('one\n')
})

test('end of the output starts with a whole chunk and contains no notice', () => {
  const output = new OutputLog()
  for (const text of ['first\n', 'second\n', 'third\n']) output.append('stdout', text)
  output.addNotice('test 2')

  expect(output.endText(3)).toBe('third\n')
  expect(output.endText(9)).toBe('second\nthird\n')
  expect(output.endText(1000)).toBe('first\nsecond\nthird\n')
})

test('download of ten megabytes is complete', () => {
  const output = new OutputLog()
  const chunk = 'x'.repeat(64 * 1024)

  for (let count = 0; count < 160; count += 1) output.append('stdout', chunk)

  expect(output.text()).toHaveLength(160 * 64 * 1024)
  expect(output.isComplete).toBe(true)
})
