import { useEffect, useState } from 'react'
import { useSettings } from '../settings/settings'

const DEFAULT_FONT = 'Geist Mono Variable, ui-monospace, monospace'
const LIGATURE_FONT = `Fira Code Variable, ${DEFAULT_FONT}`

interface CodeFont {
  fontFamily: string
  hasLigatures: boolean
}

/** Returns the font of the code. That with ligatures is returned when it is loaded, because editors measure it. */
export function useCodeFont(): CodeFont {
  const isWanted = useSettings((settings) => settings.ligatures)
  const [isLoaded, setIsLoaded] = useState(false)
  useEffect(() => {
    if (!isWanted) return
    import('./codeFont.css')
      .then(() => document.fonts.load('14px "Fira Code Variable"'))
      .then(() => setIsLoaded(true))
      .catch(() => {}) // Without the font, the code has no ligatures.
  }, [isWanted])
  const hasLigatures = isWanted && isLoaded
  return { fontFamily: hasLigatures ? LIGATURE_FONT : DEFAULT_FONT, hasLigatures }
}
