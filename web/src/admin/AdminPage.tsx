import { useCallback, useEffect, useState } from 'react'
import { KEY_CHANGED, readKey } from '../api/key'
import { Mark } from '../layout/Icon'
import { forgetKey } from '../settings/apiKey'
import { THEMES, type Theme, useTheme } from '../settings/theme'
import { Dashboard } from './Dashboard'
import { KeyGate } from './KeyGate'
import type { Trouble } from './trouble'

const THEME_NAMES: Record<Theme, string> = { system: 'System', light: 'Light', dark: 'Dark' }

/** The whole page: a key first, then what it opens. */
export function AdminPage() {
  const { theme, choose } = useTheme()
  const [key, setKey] = useState(readKey)
  const [refusal, setRefusal] = useState<string | null>(null)
  const refused = useCallback((trouble: Trouble) => setRefusal(trouble.text), [])
  useEffect(() => {
    const changed = () => {
      setKey(readKey())
      setRefusal(null)
    }
    addEventListener(KEY_CHANGED, changed)
    return () => removeEventListener(KEY_CHANGED, changed)
  }, [])
  const isOpen = key !== null && refusal === null
  return (
    <>
      <header className="admin-bar">
        <h1 className="admin-brand">
          <Mark />
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
          onChange={(event) => choose(event.target.value as Theme)}
        >
          {THEMES.map((one) => (
            <option key={one} value={one}>
              {THEME_NAMES[one]}
            </option>
          ))}
        </select>
        {isOpen && (
          <button type="button" className="button" onClick={forgetKey}>
            Forget the key
          </button>
        )}
      </header>
      {isOpen ? <Dashboard key={key} onKeyRefused={refused} /> : <KeyGate refusal={refusal} />}
    </>
  )
}
