import { minify } from 'terser'
import type { Plugin } from 'vite'

/** The published file of xterm.js keeps the long names of private members. */
const MODULE = /\/@xterm\/xterm\/lib\/xterm\.mjs$/
const PRIVATE_NAME = /^_[a-z]/
/** @xterm/addon-fit reads these. */
const USED_BY_ADDONS = ['_core', '_renderService']

/** Shortens the names of private members of xterm.js, which are a twentieth of its gzipped size. */
export function shortNames(): Plugin {
  return {
    name: 'short-names',
    apply: 'build',
    transform: {
      filter: { id: MODULE },
      handler: async (code) => {
        const { code: shortened } = await minify(code, {
          module: true,
          compress: { passes: 2 },
          mangle: { properties: { regex: PRIVATE_NAME, reserved: USED_BY_ADDONS, keep_quoted: 'strict' } },
        })
        return { code: shortened ?? code, map: null }
      },
    },
  }
}
