import { expect, test } from 'vitest'
import { Output } from '../src/run/output'

const bytes = (text: string) => new TextEncoder().encode(text)

test('a character that is cut between two chunks is whole, even when the other stream speaks in between', () => {
  const output = new Output()
  const euro = bytes('€')

  output.append('stdout', euro.slice(0, 1))
  output.append('stderr', bytes('!'))
  output.append('stdout', euro.slice(1))

  expect(output.text('stdout')).toBe('€')
  expect(output.text('stderr')).toBe('!')
})

test('who listens late hears all of it, once', () => {
  const output = new Output()
  output.append('stdout', bytes('a'))
  const heard: string[] = []

  output.listen((change) => heard.push(change === 'cleared' ? 'cleared' : change.text))
  output.append('stdout', bytes('b'))
  output.clear()

  expect(heard).toEqual(['a', 'b', 'cleared'])
  expect(output.text()).toBe('')
})

test('what was written to a terminal is copied in lines that end as they do in files', () => {
  const output = new Output()
  const heard: string[] = []
  output.listen((change) => heard.push(change === 'cleared' ? 'cleared' : change.text))

  output.append('terminal', bytes('one\r\n'))

  expect(heard).toEqual(['one\r\n'])
  expect(output.text()).toBe('one\n')
})
