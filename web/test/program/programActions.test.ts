import { beforeEach, expect, test, vi } from 'vitest'
import {
  closeSharedProgram,
  editProgram,
  openLocation,
  openSharedProgram,
  replaceProgram,
  resetProgram,
} from '../../src/program/programActions'
import { listSavedPrograms } from '../../src/program/savedPrograms'
import { currentProgram, useStore } from '../../src/store'
import { storedItems } from '../fakeStorage'
import { LANGUAGE } from '../fixtures'

vi.stubGlobal('location', { pathname: '/', search: '' })
vi.stubGlobal('history', { replaceState: () => {} })

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

test('replaceProgram saves the replaced draft and offers to restore it', async () => {
  editProgram((program) => ({ ...program, args: 'edited' }))

  replaceProgram('python', { ...currentProgram(initialState), args: 'new' })

  expect(currentProgram(useStore.getState()).args).toBe('new')
  await vi.waitFor(() => expect(listSavedPrograms()).toMatchObject([{ program: { args: 'edited' } }]))
  await vi.waitFor(() => expect(useStore.getState().notices).toHaveLength(1))
  useStore.getState().notices[0]?.actions[0]?.run()
  expect(currentProgram(useStore.getState()).args).toBe('edited')
})

test('replaceProgram does not save a template', async () => {
  replaceProgram('python', currentProgram(initialState))

  await new Promise((resolve) => setTimeout(resolve, 10))
  expect(listSavedPrograms()).toEqual([])
})

test('shared program is shown beside the draft, and an edit keeps it', async () => {
  editProgram((program) => ({ ...program, args: 'draft' }))
  const shared = { ...currentProgram(initialState), args: 'shared' }

  openSharedProgram('python', shared)
  expect(currentProgram(useStore.getState()).args).toBe('shared')
  closeSharedProgram()
  expect(currentProgram(useStore.getState()).args).toBe('draft')

  openSharedProgram('python', shared)
  editProgram((program) => ({ ...program, stdin: 'typed' }))
  expect(useStore.getState()).toMatchObject({
    shared: null,
    drafts: { python: { args: 'shared', stdin: 'typed' } },
  })
  await vi.waitFor(() => expect(listSavedPrograms()).toMatchObject([{ program: { args: 'draft' } }]))
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
