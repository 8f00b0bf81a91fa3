import { useState } from 'react'
import { apiKeyArea, removeApiKey } from './apiKeyStorage'
import { STORAGE_AREAS, useApiKeyForm } from './useApiKeyForm'

/** Saves or removes the API key. A saved key is not shown. */
export function ApiKeySetting() {
  const [area, setArea] = useState(apiKeyArea)
  if (area === null) return <ApiKeyForm onSaved={() => setArea(apiKeyArea())} />
  const remove = () => {
    removeApiKey()
    setArea(null)
  }
  return (
    <fieldset className="setting">
      <legend>API key</legend>
      <span>A key is stored {area === 'tab' ? 'for this tab' : 'in this browser'}.</span>
      <button type="button" className="button outlined" onClick={remove}>
        Remove key
      </button>
    </fieldset>
  )
}

function ApiKeyForm({ onSaved }: { onSaved(): void }) {
  const form = useApiKeyForm(onSaved)
  return (
    <form onSubmit={form.onSubmit}>
      <fieldset className="setting">
        <legend>API key, if the server requires one</legend>
        <input
          className="field key"
          type="password"
          aria-label="API key"
          aria-invalid={form.error !== null}
          autoComplete="off"
          placeholder="pyxec_…"
          value={form.text}
          onChange={(event) => form.setText(event.target.value)}
        />
        {STORAGE_AREAS.map(({ area, label }) => (
          <label key={area}>
            <input
              type="radio"
              name="storage-area"
              checked={form.area === area}
              onChange={() => form.setArea(area)}
            />
            {label}
          </label>
        ))}
        <button type="submit" className="button outlined">
          Save key
        </button>
        {form.error && (
          <span className="tone-bad" role="alert">
            {form.error}
          </span>
        )}
      </fieldset>
    </form>
  )
}
