import { useEffect, useState } from 'react'
import type { PaneName } from '../store'

/** Returns the pane that has the focus, if the Tab key has another meaning in it. */
export function useFocusedPane(): PaneName | null {
  const [pane, setPane] = useState<PaneName | null>(null)
  useEffect(() => {
    const onFocusChange = () => {
      const element = document.activeElement
      if (element?.closest('.editor')) setPane('code')
      else setPane(element?.closest('.terminal') ? 'output' : null)
    }
    document.addEventListener('focusin', onFocusChange)
    document.addEventListener('focusout', onFocusChange)
    return () => {
      document.removeEventListener('focusin', onFocusChange)
      document.removeEventListener('focusout', onFocusChange)
    }
  }, [])
  return pane
}
