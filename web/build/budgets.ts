import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import type { Plugin, Rollup } from 'vite'

type Output = Rollup.OutputChunk | Rollup.OutputAsset

/**
 * What the pages may weigh, in gzipped bytes. `from` names the modules whose chunks, with all they import, count;
 * `build` is the environment of vite.config.ts that makes them.
 */
const BUDGETS = [
  {
    build: 'client',
    name: 'shell and terminal',
    from: ['index.html', 'src/terminal/xterm.ts'],
    bytes: 170_000,
  },
  { build: 'client', name: 'editor', from: ['src/editor/MonacoEditor.tsx'], bytes: 1_200_000 },
  { build: 'admin', name: 'administration', from: ['admin/index.html'], bytes: 90_000 },
]

/** Fails the build when a part of the page has grown above its budget, and tells the sizes when it has not. */
export function budgets(): Plugin {
  let root = ''
  return {
    name: 'budgets',
    apply: 'build',
    configResolved: (config) => {
      root = config.root
    },
    generateBundle(_options, bundle) {
      for (const budget of BUDGETS.filter(({ build }) => build === this.environment.name)) {
        const from = budget.from.map((name) => join(root, name))
        const bytes = gzippedBytes(partOf(bundle, from), bundle)
        const told = `${budget.name}: ${kilobytes(bytes)} gzipped of ${kilobytes(budget.bytes)}`
        if (bytes > budget.bytes) this.error(`over budget: ${told}`)
        this.info(told)
      }
    },
  }
}

/** The file names of the chunks that begin with these modules, and of everything that loads at once with them. */
function partOf(bundle: Rollup.OutputBundle, from: string[]): Set<string> {
  const names = new Set<string>()
  const pending = Object.values(bundle).filter((output) => begins(output, from))
  if (pending.length < from.length) throw new Error(`no chunk begins with one of ${from.join(', ')}`)
  for (let output = pending.pop(); output; output = pending.pop()) {
    if (names.has(output.fileName)) continue
    names.add(output.fileName)
    if (output.type === 'asset') continue
    const css = output.viteMetadata?.importedCss ?? []
    pending.push(...[...output.imports, ...css].flatMap((name) => bundle[name] ?? []))
  }
  return names
}

function begins(output: Output, from: string[]): boolean {
  const facade = output.type === 'chunk' ? output.facadeModuleId : null
  return facade != null && from.includes(facade)
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
