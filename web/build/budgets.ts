import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import type { Plugin, Rollup } from 'vite'

type Output = Rollup.OutputChunk | Rollup.OutputAsset

/**
 * The maximum size of each part of the pages, in gzipped bytes.
 *
 * A part consists of the chunks whose entry modules are `entries`, and all chunks that these import. `environment` is
 * the environment of vite.config.ts that builds them.
 */
const BUDGETS = [
  {
    environment: 'client',
    name: 'shell and terminal',
    entries: ['index.html', 'src/terminal/terminalScreen.ts'],
    maxBytes: 170_000,
  },
  { environment: 'client', name: 'editor', entries: ['src/editor/MonacoEditor.tsx'], maxBytes: 1_200_000 },
  { environment: 'admin', name: 'administration', entries: ['admin/index.html'], maxBytes: 90_000 },
  { environment: 'embed', name: 'embedded program', entries: ['embed/index.html'], maxBytes: 90_000 },
]

/** Logs the size of each part, and fails the build if a part exceeds its budget. */
export function budgets(): Plugin {
  let root = ''
  return {
    name: 'budgets',
    apply: 'build',
    configResolved: (config) => {
      root = config.root
    },
    generateBundle(_options, bundle) {
      for (const { environment, name, entries, maxBytes } of BUDGETS) {
        if (environment !== this.environment.name) continue
        const chunks = collectChunks(
          bundle,
          entries.map((entry) => join(root, entry)),
        )
        const bytes = gzippedBytes(chunks, bundle)
        const sizes = `${name}: ${kilobytes(bytes)} gzipped of ${kilobytes(maxBytes)}`
        if (bytes > maxBytes) this.error(`over budget: ${sizes}`)
        this.info(sizes)
      }
    },
  }
}

/** Returns the file names of the chunks with these entry modules, and of all chunks and styles that they import. */
function collectChunks(bundle: Rollup.OutputBundle, entries: string[]): Set<string> {
  const names = new Set<string>()
  const pending = Object.values(bundle).filter((output) => isEntry(output, entries))
  if (pending.length < entries.length) throw new Error(`no chunk for one of ${entries.join(', ')}`)
  for (let output = pending.pop(); output; output = pending.pop()) {
    if (names.has(output.fileName)) continue
    names.add(output.fileName)
    if (output.type === 'asset') continue
    const css = output.viteMetadata?.importedCss ?? []
    pending.push(...[...output.imports, ...css].flatMap((name) => bundle[name] ?? []))
  }
  return names
}

function isEntry(output: Output, entries: string[]): boolean {
  const entry = output.type === 'chunk' ? output.facadeModuleId : null
  return entry != null && entries.includes(entry)
}

function gzippedBytes(names: Set<string>, bundle: Rollup.OutputBundle): number {
  let total = 0
  for (const name of names) {
    const output = bundle[name]
    if (output) total += gzipSync(output.type === 'chunk' ? output.code : output.source, { level: 9 }).length
  }
  return total
}

function kilobytes(bytes: number): string {
  return `${(bytes / 1000).toFixed(1)} kB`
}
