import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { readApiKey } from '../../src/api/apiKey'
import { writeStored } from '../../src/storage'
import { storedItems } from '../fakeStorage'

beforeEach(() => {
  storedItems.clear()
  writeStored('apiKey', 'pyxec_secret')
})
afterEach(() => void vi.unstubAllGlobals())

test.each(['/', '/p/Zk3v0sWq8T1hYcNb', '/admin/'])('readApiKey returns the stored key on %s', (pathname) => {
  vi.stubGlobal('location', { pathname })
  expect(readApiKey()).toBe('pyxec_secret')
})

test.each(['/embed', '/embed/', '/embed/index.html'])('readApiKey returns no key on %s', (pathname) => {
  vi.stubGlobal('location', { pathname })
  expect(readApiKey()).toBeNull()
})
