import { type FormEvent, useState } from 'react'
import { forgetKey, keepKey, keyPlace, whyNotKey } from '../settings/apiKey'
import type { Place } from '../settings/stored'

const PLACES: Record<Place, string> = { tab: 'for this tab', kept: 'in this browser' }

/** The API key: told once, never shown again. */
export function KeySetting() {
  const [place, setPlace] = useState(keyPlace)
  if (place)
    return (
      <fieldset className="setting">
        <legend>API key</legend>
        <span>There is one, kept {PLACES[place]}.</span>
        <button
          type="button"
          className="button outlined"
          onClick={() => {
            forgetKey()
            setPlace(null)
          }}
        >
          Forget it
        </button>
      </fieldset>
    )
  return <KeyForm onKept={setPlace} />
}

function KeyForm({ onKept }: { onKept(place: Place): void }) {
  const [text, setText] = useState('')
  const [place, setPlace] = useState<Place>('tab')
  const [mistake, setMistake] = useState<string | null>(null)
  const submit = (event: FormEvent) => {
    event.preventDefault()
    const why = whyNotKey(text.trim())
    setMistake(why)
    if (why) return
    keepKey(text.trim(), place)
    onKept(place)
  }
  return (
    <form onSubmit={submit}>
      <fieldset className="setting">
        <legend>API key, where the server wants one</legend>
        <input
          className="field key"
          type="password"
          aria-label="API key"
          aria-invalid={mistake !== null}
          autoComplete="off"
          placeholder="pyxec_…"
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
        {(['tab', 'kept'] as const).map((one) => (
          <label key={one}>
            <input type="radio" name="place" checked={place === one} onChange={() => setPlace(one)} />
            keep {PLACES[one]}
          </label>
        ))}
        <button type="submit" className="button outlined">
          Use this key
        </button>
        {mistake && (
          <span className="tone-bad" role="alert">
            {mistake}
          </span>
        )}
      </fieldset>
    </form>
  )
}
