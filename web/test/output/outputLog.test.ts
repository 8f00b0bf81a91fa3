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
