import { useEffect } from 'react'
import type { Workspace } from './useWorkspace'

// Any version: what cannot be read is taken out of the address, too.
const SHARED = /^#v\d+\./

/** Opens the program in the page's address, once, and takes it out of the address: a reload shows what it has become. */
export function useSharedProgram(workspace: Workspace): void {
  const { replace } = workspace
  useEffect(() => {
    const open = async () => {
      const fragment = location.hash
      if (!SHARED.test(fragment)) return
      history.replaceState(null, '', location.pathname + location.search)
      const { fromFragment } = await import('./share')
      const shared = await fromFragment(fragment)
      if (shared) replace(shared.language, shared.program)
    }
    void open()
    addEventListener('hashchange', open)
    return () => removeEventListener('hashchange', open)
  }, [replace])
}
