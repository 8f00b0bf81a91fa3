import { type FormEvent, useState } from 'react'
import { keepKey, whyNotKey } from '../settings/apiKey'
import type { Place } from '../settings/stored'

const PLACES: Record<Place, string> = { tab: 'for this tab', kept: 'in this browser' }

/** Asks for an admin key, and says why the last one was none. */
export function KeyGate({ refusal }: { refusal: string | null }) {
  const [text, setText] = useState('')
  const [place, setPlace] = useState<Place>('tab')
  const [mistake, setMistake] = useState<string | null>(null)
  const submit = (event: FormEvent) => {
    event.preventDefault()
    const why = whyNotKey(text.trim())
    setMistake(why)
    if (why === null) keepKey(text.trim(), place)
  }
  const wrong = mistake ?? refusal
  return (
    <main className="gate">
      <form className="card" onSubmit={submit}>
        <h2>An admin key, please</h2>
        <p className="muted">
          This page shows and steers the whole service. On its host <code>pyxec keys create --admin</code>{' '}
          makes a key for it.
        </p>
        <label>
          <span>Admin key</span>
          <input
            className="field"
            type="password"
            autoComplete="off"
            placeholder="pyxec_…"
            aria-invalid={wrong !== null}
            aria-describedby="gate-mistake"
            value={text}
            onChange={(event) => setText(event.target.value)}
          />
        </label>
        <p id="gate-mistake" className="tone-bad" role="alert">
          {wrong}
        </p>
        <fieldset>
          <legend className="unseen">How long it is kept</legend>
          {(['tab', 'kept'] as const).map((one) => (
            <label key={one} className="choice">
              <input type="radio" name="place" checked={place === one} onChange={() => setPlace(one)} />
              keep it {PLACES[one]}
            </label>
          ))}
        </fieldset>
        <button type="submit" className="button run">
          Open
        </button>
        <p className="muted small">
          The editor uses the same key. It is sent in a header, and is never part of an address.
        </p>
      </form>
    </main>
  )
}
