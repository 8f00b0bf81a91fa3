import { useCallback, useEffect, useState } from 'react'
import { API_KEY_CHANGED, readApiKey } from '../api/apiKey'
import { Logo } from '../components/Icon'
import { removeApiKey } from '../settings/apiKeyStorage'
import { setTheme, THEMES, type Theme, useSettings } from '../settings/settings'
import { AdminKeyForm } from './AdminKeyForm'
import { Dashboard } from './Dashboard'
import type { RequestError } from './live/requestError'

const THEME_LABELS: Record<Theme, string> = { system: 'System', light: 'Light', dark: 'Dark' }

/** The admin page: the dashboard, or a form for the admin key if there is none or if it was rejected. */
export function AdminPage() {
  const theme = useSettings((settings) => settings.theme)
  const [key, setKey] = useState(readApiKey)
  const [keyError, setKeyError] = useState<string | null>(null)
  const onKeyRejected = useCallback((error: RequestError) => setKeyError(error.text), [])
  useEffect(() => {
    const onKeyChanged = () => {
      setKey(readApiKey())
      setKeyError(null)
    }
    addEventListener(API_KEY_CHANGED, onKeyChanged)
    return () => removeEventListener(API_KEY_CHANGED, onKeyChanged)
  }, [])
  const hasKey = key !== null && keyError === null
  return (
    <>
      <header className="admin-bar">
        <h1 className="admin-brand">
          <Logo />
          <span>
            Pyxec <span className="muted">administration</span>
          </span>
        </h1>
        <a className="button" href="/">
          Editor
        </a>
        <select
          className="select"
          aria-label="Theme"
          value={theme}
          onChange={(event) => setTheme(event.target.value as Theme)}
        >
          {THEMES.map((name) => (
            <option key={name} value={name}>
              {THEME_LABELS[name]}
            </option>
          ))}
        </select>
        {hasKey && (
          <button type="button" className="button" onClick={removeApiKey}>
            Remove key
          </button>
        )}
      </header>
      {hasKey ? <Dashboard key={key} onKeyRejected={onKeyRejected} /> : <AdminKeyForm keyError={keyError} />}
    </>
  )
}
