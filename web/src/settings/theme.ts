/** Light, dark, or what the system says. The colours themselves are in styles/tokens.css only. */
import { useEffect, useState } from 'react'
import * as v from 'valibot'
import { useStored } from './useStored'

export const THEMES = ['system', 'light', 'dark'] as const
export type Theme = (typeof THEMES)[number]
export type Scheme = 'light' | 'dark'

const DARK = '(prefers-color-scheme: dark)'

/** The choice, what it comes to now, and how to choose. */
export function useTheme(): { theme: Theme; scheme: Scheme; choose(theme: Theme): void } {
  const [theme, choose] = useStored('theme', v.picklist(THEMES), 'system')
  const [systemIsDark, setSystemIsDark] = useState(() => matchMedia(DARK).matches)
  useEffect(() => {
    const query = matchMedia(DARK)
    const changed = () => setSystemIsDark(query.matches)
    query.addEventListener('change', changed)
    return () => query.removeEventListener('change', changed)
  }, [])
  // Set while rendering: whoever reads a colour in an effect of the same change must read the new one.
  if (theme === 'system') delete document.documentElement.dataset.theme
  else document.documentElement.dataset.theme = theme
  const scheme = theme === 'system' ? (systemIsDark ? 'dark' : 'light') : theme
  return { theme, scheme, choose }
}
