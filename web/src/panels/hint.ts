import { COMMAND_KEY } from '../layout/platform'
import type { Pane } from '../layout/useFocusedPane'

/** Which keys help where the focus is; above all how to leave a place where Tab is a key of its own. */
export function hintFor(pane: Pane, isRunning: boolean): string {
  const run = isRunning ? `${COMMAND_KEY}+. stops` : `${COMMAND_KEY}+Enter runs`
  if (pane === 'code') return `F6 leaves the editor · ${run}`
  if (pane === 'output') return `F6 leaves the terminal · ${run}`
  return `${run} · F6 next pane · F1 keys`
}
