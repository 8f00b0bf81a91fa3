import { beforeEach, expect, test, vi } from 'vitest'
import { RequestRejected, ServerUnreachable } from '../../src/api/errors'
import { fetchLink } from '../../src/api/links'
import { newProgram } from '../../src/program/program'
import { encodeFragment } from '../../src/share/fragment'
import { openLink } from '../../src/share/shareLink'
import { currentLanguage, currentProgram, useStore } from '../../src/store'
import { storedItems } from '../fakeStorage'
import { LANGUAGE } from '../fixtures'

vi.mock('../../src/api/links')

const PROGRAM = newProgram(LANGUAGE, 'print("shared")')
const ID = 'Zk3v0sWq8T1hYcNb'
const page = { pathname: '/', hash: '', href: '', assign: vi.fn() }
vi.stubGlobal('location', page)
vi.stubGlobal('history', {
  replaceState: (_state: unknown, _title: string, path: string) => setPage(path, ''),
})

function setPage(pathname: string, hash: string): void {
  Object.assign(page, { pathname, hash, href: `http://pyxec.example${pathname}${hash}` })
}

function problem(status: number): RequestRejected {
  return new RequestRejected({ type: '', title: '', status, detail: '', field: null }, null)
}

async function storeLink(language: string): Promise<void> {
  const fragment = (await encodeFragment({ language, program: PROGRAM })).slice(1)
  vi.mocked(fetchLink).mockResolvedValue({ id: ID, link: `/p/${ID}`, fragment, expires_at: '' })
}

const noticeText = () => useStore.getState().notices[0]?.text

beforeEach(() => {
  storedItems.clear()
  page.assign.mockReset()
  useStore.setState({ ...useStore.getInitialState(), languages: [LANGUAGE], areLanguagesFetched: true })
})

test('openLink opens the program of a short link beside the draft', async () => {
  await storeLink('python')
  setPage(`/p/${ID}`, '')

  await openLink()

  expect(fetchLink).toHaveBeenCalledWith(ID)
  expect(currentProgram(useStore.getState()).files).toEqual(PROGRAM.files)
  expect(useStore.getState().drafts).toEqual({})
  expect(page.pathname).toBe(`/p/${ID}`)
})

test('openLink opens the program in a fragment without a request', async () => {
  vi.mocked(fetchLink).mockClear()
  setPage('/', await encodeFragment({ language: 'python', program: PROGRAM }))

  await openLink()

  expect(currentProgram(useStore.getState()).files).toEqual(PROGRAM.files)
  expect(fetchLink).not.toHaveBeenCalled()
})

test('openLink reports a short link that has expired', async () => {
  vi.mocked(fetchLink).mockRejectedValue(problem(404))
  setPage(`/p/${ID}`, '')

  await openLink()

  expect(noticeText()).toMatch(/does not exist, or it has expired/)
  expect(page.pathname).toBe('/')
  expect(useStore.getState().notices[0]?.actions).toEqual([])
})

test('openLink offers to try again if the server does not respond', async () => {
  vi.mocked(fetchLink).mockRejectedValue(new ServerUnreachable())
  setPage(`/p/${ID}`, '')

  await openLink()

  expect(noticeText()).toMatch(/does not respond/)
  useStore.getState().notices[0]?.actions[0]?.run()
  expect(page.assign).toHaveBeenCalledWith(`http://pyxec.example/p/${ID}`)
})

test('openLink shows the program to a visitor who has no key for the server', async () => {
  await storeLink('zig')
  useStore.setState({ areLanguagesFetched: false, languagesError: problem(401) })
  setPage(`/p/${ID}`, '')

  await openLink()

  expect(currentLanguage({ ...useStore.getState(), languageId: 'zig' }).id).toBe('zig')
  expect(currentProgram(useStore.getState()).files).toEqual(PROGRAM.files)
})

test('openLink offers the program for download if the server does not run its language', async () => {
  await storeLink('zig')
  setPage(`/p/${ID}`, '')

  await openLink()

  expect(noticeText()).toMatch(/language "zig"/)
  expect(useStore.getState().shared).toBeNull()
})

test('openLink opens no link that was replaced by another one meanwhile', async () => {
  await storeLink('python')
  setPage(`/p/${ID}`, '')

  const opened = openLink()
  setPage('/', '')
  await opened

  expect(useStore.getState().shared).toBeNull()
})
