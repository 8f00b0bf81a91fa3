import { expect, test } from 'vitest'
import { commandText } from '../../src/runOptions/commandText'

test.each([
  [['python3', '{entrypoint}'], 'python3 main.py'],
  [['g++', '-O2', '-o', 'program', '{options}', '{sources}'], 'g++ -O2 -o program main.py'],
  [['node', '{stem}.js'], 'node main.js'],
  [[], ''],
])('commandText(%j) fills in the placeholders', (command, text) => {
  expect(commandText(command, 'main.py')).toBe(text)
})
