import { beforeEach, expect, test, vi } from 'vitest'
import { editProgram, openLocation, replaceProgram, resetProgram } from '../../src/program/programActions'
import { currentProgram, useStore } from '../../src/store'
import { storedItems } from '../fakeStorage'
import { LANGUAGE } from '../fixtures'

const initialState = useStore.getInitialState()

beforeEach(() => {
  storedItems.clear()
  useStore.setState({ ...initialState, languages: [LANGUAGE] })
})

test('currentProgram returns the template, and the same object each time', () => {
  const program = currentProgram(useStore.getState())

  expect(program.files).toEqual([{ name: 'main.py', content: 'print(1)' }])
  expect(currentProgram(useStore.getState())).toBe(program)
})

test('replaceProgram adds the replaced draft to the history', async () => {
  editProgram((program) => ({ ...program, args: 'edited' }))

  replaceProgram('python', { ...currentProgram(initialState), args: 'new' })

  expect(currentProgram(useStore.getState()).args).toBe('new')
  await vi.waitFor(() => expect(JSON.parse(storedItems.get('pyxec.history') ?? '[]')).toHaveLength(1))
  expect(JSON.parse(storedItems.get('pyxec.history') ?? '')[0].program.args).toBe('edited')
})

test('replaceProgram does not add a template to the history', async () => {
  replaceProgram('python', currentProgram(initialState))

  await new Promise((resolve) => setTimeout(resolve, 10))
  expect(storedItems.has('pyxec.history')).toBe(false)
})

test('resetProgram shows the template and starts a new undo history', () => {
  editProgram((program) => ({ ...program, args: 'edited' }))

  resetProgram()

  expect(currentProgram(useStore.getState()).args).toBe('')
  expect(useStore.getState().revision).toBe(initialState.revision + 1)
})

test('openLocation opens the file of the location and ignores unknown files', () => {
  openLocation({ file: 'other.py', line: 1, column: 1 })
  expect(useStore.getState().target).toBeNull()

  const target = { file: 'main.py', line: 2, column: 1 }
  openLocation(target)
  expect(useStore.getState()).toMatchObject({ target, openFile: 0, pane: 'code' })
})
