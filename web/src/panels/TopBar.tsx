import type { ReactNode } from 'react'
import type { Language } from '../api/schema'
import { Mark } from '../layout/Icon'

interface Properties {
  languages: Language[]
  language: Language
  onLanguage(id: string): void
  children: ReactNode
}

/** The bar at the top: what is run, and what to do with it. */
export function TopBar({ languages, language, onLanguage, children }: Properties) {
  return (
    <header className="top-bar">
      <h1 className="brand">
        <Mark />
        <span className="wordmark">Pyxec</span>
      </h1>
      <select
        className="select"
        aria-label="Language"
        value={language.id}
        onChange={(event) => onLanguage(event.target.value)}
      >
        {languages.map(({ id, name, version }) => (
          <option key={id} value={id}>
            {name} {version}
          </option>
        ))}
      </select>
      <div className="space" />
      {children}
    </header>
  )
}
