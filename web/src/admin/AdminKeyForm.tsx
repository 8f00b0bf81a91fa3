import { STORAGE_AREAS, useApiKeyForm } from '../settings/useApiKeyForm'

/** Asks for an admin key. `keyError` states why the server rejected the last one. */
export function AdminKeyForm({ keyError }: { keyError: string | null }) {
  const form = useApiKeyForm(() => {})
  const error = form.error ?? keyError
  return (
    <main className="admin-key">
      <form className="card" onSubmit={form.onSubmit}>
        <h2>Admin key required</h2>
        <p className="muted">
          This page shows and controls the whole service. To create an admin key, run{' '}
          <code>pyxec keys create --admin</code> on its host.
        </p>
        <label>
          <span>Admin key</span>
          <input
            className="field"
            type="password"
            autoComplete="off"
            placeholder="pyxec_…"
            aria-invalid={error !== null}
            aria-describedby="admin-key-error"
            value={form.text}
            onChange={(event) => form.setText(event.target.value)}
          />
        </label>
        <p id="admin-key-error" className="tone-bad" role="alert">
          {error}
        </p>
        <fieldset>
          <legend className="visually-hidden">Storage of the key</legend>
          {STORAGE_AREAS.map(({ area, label }) => (
            <label key={area} className="choice">
              <input
                type="radio"
                name="storage-area"
                checked={form.area === area}
                onChange={() => form.setArea(area)}
              />
              {label}
            </label>
          ))}
        </fieldset>
        <button type="submit" className="button run">
          Open
        </button>
        <p className="muted small">
          The editor uses the same key. The key is sent in a header and is never part of a URL.
        </p>
      </form>
    </main>
  )
}
