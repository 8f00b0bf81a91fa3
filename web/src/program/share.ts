/**
 * A program in a link: JSON, deflated, in the fragment, which browsers send to no server. The version is the first
 * part, so that a later form can be told apart.
 */
import * as v from 'valibot'
import { Program } from './program'

const VERSION = 'v1'
const MOST_BYTES = 8 * 1024 * 1024 // a few kilobytes can unfold into gigabytes

const Shared = v.object({ language: v.string(), program: Program })
export type Shared = v.InferOutput<typeof Shared>

export async function toFragment(shared: Shared): Promise<string> {
  const json = new TextEncoder().encode(JSON.stringify(shared))
  const packed = await collect(stream(json).pipeThrough(new CompressionStream('deflate-raw')))
  return `#${VERSION}.${toBase64Url(packed)}`
}

/** The program in a fragment; null when there is none, or none that can be read. */
export async function fromFragment(fragment: string): Promise<Shared | null> {
  const [version, text] = fragment.replace(/^#/, '').split('.')
  if (version !== VERSION || !text) return null
  try {
    const json = await collect(
      stream(fromBase64Url(text)).pipeThrough(new DecompressionStream('deflate-raw')),
    )
    const parsed = v.safeParse(Shared, JSON.parse(new TextDecoder().decode(json)))
    return parsed.success ? parsed.output : null
  } catch {
    return null
  }
}

function stream(bytes: Uint8Array<ArrayBuffer>): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new Blob([bytes]).stream()
}

async function collect(source: ReadableStream<Uint8Array>): Promise<Uint8Array<ArrayBuffer>> {
  const reader = source.getReader()
  const chunks: Uint8Array[] = []
  let size = 0
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    size += next.value.length
    if (size > MOST_BYTES) throw new RangeError('a shared program is not that large')
    chunks.push(next.value)
  }
  const whole = new Uint8Array(size)
  let at = 0
  for (const chunk of chunks) {
    whole.set(chunk, at)
    at += chunk.length
  }
  return whole
}

function toBase64Url(bytes: Uint8Array): string {
  let binary = ''
  for (const byte of bytes) binary += String.fromCharCode(byte)
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '')
}

function fromBase64Url(text: string): Uint8Array<ArrayBuffer> {
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'))
  return Uint8Array.from(binary, (character) => character.charCodeAt(0))
}
