/** The keys of Vim and Emacs in CodeMirror, each loaded when it is chosen. */
import type { Extension } from '@codemirror/state'
import type { KeyBindings } from '../settings/settings'

export async function loadKeyBindings(name: KeyBindings): Promise<Extension> {
  if (name === 'default') return []
  const [bindings, { wordCompletion }] = await Promise.all([
    name === 'vim'
      ? import('@replit/codemirror-vim').then(({ vim }) => vim({ status: true }))
      : import('@replit/codemirror-emacs').then(({ emacs }) => emacs()),
    import('./wordCompletion'),
  ])
  return [bindings, wordCompletion]
}
