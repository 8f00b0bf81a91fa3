/** ZIP archives of programs. */
import { strFromU8, strToU8, unzipSync, zipSync } from 'fflate'
import type { SourceFile } from '../program/program'

/** A small archive can contain gigabytes of zeros. */
const MAX_BYTES = 16 * 1024 * 1024
/** The API accepts 64 files, see program/program.ts. */
const MAX_FILES = 64

export function createZip(files: SourceFile[]): Uint8Array<ArrayBuffer> {
  return zipSync(Object.fromEntries(files.map(({ name, content }) => [name, strToU8(content)])))
}

/**
 * Returns the text files of an archive.
 *
 * Throws an Error with a message for the user if the archive is damaged, too large, or contains no text file.
 */
export function readZip(archive: Uint8Array): SourceFile[] {
  let size = 0
  let count = 0
  let entries: Record<string, Uint8Array>
  try {
    entries = unzipSync(archive, {
      filter: ({ name, originalSize }) => {
        if (name.endsWith('/') || name.startsWith('__MACOSX/')) return false
        size += originalSize
        count += 1
        if (size > MAX_BYTES) throw new RangeError('The archive contains more than 16 MiB.')
        if (count > MAX_FILES) throw new RangeError(`The archive contains more than ${MAX_FILES} files.`)
        return true
      },
    })
  } catch (error) {
    throw error instanceof RangeError ? error : new Error('The file is not a ZIP archive, or it is damaged.')
  }
  const files = Object.entries(entries).map(([name, bytes]) => ({ name, content: strFromU8(bytes) }))
  if (files.length === 0) throw new Error('The archive contains no file.')
  return removeCommonFolder(files)
}

/** An archive usually contains one folder with all files. */
function removeCommonFolder(files: SourceFile[]): SourceFile[] {
  const folder = /^[^/]+\//.exec(files[0]?.name ?? '')?.[0]
  if (!folder || !files.every(({ name }) => name.startsWith(folder))) return files
  return removeCommonFolder(files.map(({ name, content }) => ({ name: name.slice(folder.length), content })))
}
