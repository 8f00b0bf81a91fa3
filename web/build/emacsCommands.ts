import type { Plugin } from 'vite'

/**
 * Keeps the commands of @replit/codemirror-emacs in the build.
 *
 * Its version 6.1.0 marks the calls that register them as pure, so that a build removes them.
 */
export function emacsCommands(): Plugin {
  return {
    name: 'emacs-commands',
    apply: 'build',
    transform(code, id) {
      if (!id.includes('@replit/codemirror-emacs')) return null
      const kept = code.replaceAll('/*@__PURE__*/EmacsHandler.', 'EmacsHandler.')
      if (kept === code) this.error('the calls that register the commands of Emacs have changed')
      return { code: kept, map: null }
    },
  }
}
