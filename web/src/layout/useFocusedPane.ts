import { useEffect, useState } from 'react'

export type Pane = 'code' | 'output' | null

/** Which pane has the focus. */
export function useFocusedPane(): Pane {
  const [pane, setPane] = useState<Pane>(null)
  useEffect(() => {
    const moved = () => {
      const element = document.activeElement
      if (element?.closest('.editor')) setPane('code')
      else setPane(element?.closest('.terminal') ? 'output' : null)
    }
    document.addEventListener('focusin', moved)
    document.addEventListener('focusout', moved)
    return () => {
      document.removeEventListener('focusin', moved)
      document.removeEventListener('focusout', moved)
    }
  }, [])
  return pane
}
