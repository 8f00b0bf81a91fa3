import { useState } from 'react'
import { RequestRejected } from '../api/errors'
import { createLink, deleteLink, type Link } from '../api/links'
import { CopyField } from './CopyField'

const DATE_FORMAT = new Intl.DateTimeFormat(undefined, { dateStyle: 'long' })
const [FORBIDDEN, CONFLICT, TOO_LARGE, UNPROCESSABLE] = [403, 409, 413, 422]

/** Stores the program on the server, so that its link is short. `fragment` is that of the share link. */
export function ShortLink({ fragment }: { fragment: string }) {
  const [stored, setStored] = useState<{ fragment: string; link: Link } | null>(null)
  const [isBusy, setIsBusy] = useState(false)
  const [error, setError] = useState<string | null>(null)
  // A link to an earlier version of the program is not shown.
  const link = stored?.fragment === fragment ? stored.link : null

  const run = async (request: () => Promise<void>) => {
    setIsBusy(true)
    setError(null)
    await request().catch((reason: unknown) => setError(shortLinkError(reason)))
    setIsBusy(false)
  }
  const create = () => run(async () => setStored({ fragment, link: await createLink(fragment.slice(1)) }))
  const remove = (id: string) =>
    run(async () => {
      await deleteLink(id)
      setStored(null)
    })
  return (
    <>
      {link ? (
        <>
          <CopyField label="Short link" value={location.origin + link.link} />
          <p className="dialog-note">
            The server keeps this program until {DATE_FORMAT.format(new Date(link.expires_at))}. Everyone who
            has the link can read it.{' '}
            <button type="button" className="button" disabled={isBusy} onClick={() => remove(link.id)}>
              Delete the short link
            </button>
          </p>
        </>
      ) : (
        <button type="button" className="button outlined" disabled={isBusy || !fragment} onClick={create}>
          Create a short link
        </button>
      )}
      {error && (
        <p className="dialog-note tone-bad" role="alert">
          {error}
        </p>
      )}
    </>
  )
}

/** Returns a sentence that states why there is no short link, and what to do. */
export function shortLinkError(error: unknown): string {
  if (!(error instanceof RequestRejected))
    return 'The server does not respond. Try again, or use the link above.'
  switch (error.problem.status) {
    case FORBIDDEN:
      return 'This server stores short links only for users with an API key. Enter a key in Settings, or use the link above.'
    case CONFLICT:
      return 'You have too many short links, or the server has no room for more. Use the link above.'
    case TOO_LARGE:
    case UNPROCESSABLE:
      return 'The program is too large for a short link. Use the link above, or download the program.'
    default:
      return `The short link was not created: ${error.message}. Use the link above.`
  }
}
