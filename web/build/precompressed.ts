import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'
import type { Plugin } from 'vite'

const TEXT = /\.(js|css|html|svg|json|md)$/
// Brotli's best levels take seconds for a per cent; this one already beats gzip's best.
const BROTLI_QUALITY = 9

/** Writes a .gz and a .br beside every text file, so that the web server compresses nothing while it serves. */
export function precompressed(): Plugin {
  let folder = 'dist'
  return {
    name: 'precompressed',
    apply: 'build',
    configResolved: (config) => {
      folder = config.build.outDir
    },
    closeBundle: async () => {
      const files = new Set(await readdir(folder, { recursive: true }))
      // The folder was empty before: what has its copy got it from the build before this one.
      const due = [...files].filter((name) => TEXT.test(name) && !files.has(`${name}.br`))
      await Promise.all(due.map((name) => compress(join(folder, name))))
    },
  }
}

async function compress(path: string): Promise<void> {
  const content = await readFile(path)
  const options = { params: { [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY } }
  await Promise.all([
    promisify(gzip)(content, { level: 9 }).then((packed) => writeFile(`${path}.gz`, packed)),
    promisify(brotliCompress)(content, options).then((packed) => writeFile(`${path}.br`, packed)),
  ])
}
