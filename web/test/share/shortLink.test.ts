import { expect, test } from 'vitest'
import { RequestRejected, ServerUnreachable } from '../../src/api/errors'
import { shortLinkError } from '../../src/share/ShortLink'

test.each([
  [403, /Enter a key in Settings/],
  [409, /too many short links/],
  [413, /too large/],
  [422, /too large/],
  [503, /was not created: later/],
])('shortLinkError(%i) states what to do', (status, text) => {
  const error = new RequestRejected({ type: '', title: '', status, detail: 'later', field: null }, null)
  expect(shortLinkError(error)).toMatch(text)
  expect(shortLinkError(error)).toMatch(/Use the link above|use the link above/)
})

test('shortLinkError reports a server that does not respond', () => {
  expect(shortLinkError(new ServerUnreachable())).toMatch(/does not respond. Try again/)
})
