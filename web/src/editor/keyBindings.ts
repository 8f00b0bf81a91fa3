/** The keys of Vim in CodeMirror, loaded when they are chosen. */
import type { Extension } from '@codemirror/state'
import type { KeyBindings } from '../settings/settings'

export async function loadKeyBindings(name: KeyBindings): Promise<Extension> {
  if (name === 'default') return []
  const [{ vim }, { wordCompletion }] = await Promise.all([
    import('@replit/codemirror-vim'),
    import('./wordCompletion'),
  ])
  return [vim({ status: true }), wordCompletion]
}
