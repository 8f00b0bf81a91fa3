import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'
import type { Plugin } from 'vite'

const TEXT = /\.(js|css|html|svg|json|md|wasm)$/
// Higher levels take seconds longer and save about one per cent.
const BROTLI_QUALITY = 9
const BROTLI_QUALITY_OF_LARGE_FILES = 5
const LARGE_BYTES = 2_000_000

/** Writes a .gz and a .br file beside each text file, so that the web server does not compress responses. */
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
      // The builds of both environments write to this folder: the first one has compressed its own files.
      const uncompressed = [...files].filter((name) => TEXT.test(name) && !files.has(`${name}.br`))
      await Promise.all(uncompressed.map((name) => compress(join(folder, name))))
    },
  }
}

async function compress(path: string): Promise<void> {
  const content = await readFile(path)
  const quality = content.length > LARGE_BYTES ? BROTLI_QUALITY_OF_LARGE_FILES : BROTLI_QUALITY
  const options = { params: { [constants.BROTLI_PARAM_QUALITY]: quality } }
  await Promise.all([
    promisify(gzip)(content, { level: 9 }).then((packed) => writeFile(`${path}.gz`, packed)),
    promisify(brotliCompress)(content, options).then((packed) => writeFile(`${path}.br`, packed)),
  ])
}
