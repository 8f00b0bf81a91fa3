/**
 * A program in a link: JSON, compressed with DEFLATE (RFC 1951), as base64url in the fragment of the URL.
 *
 * Browsers send the fragment to no server. It starts with the version of the format.
 */
import * as v from 'valibot'
import { Program } from '../program/program'
import { replaceProgram } from '../program/programActions'

const VERSION = 'v1'
// A few kilobytes can decompress to gigabytes.
const MAX_BYTES = 8 * 1024 * 1024

const SharedProgram = v.object({ language: v.string(), program: Program })
export type SharedProgram = v.InferOutput<typeof SharedProgram>

/** Opens the program in the page's URL, and removes it from the URL. A reload then shows the edited program. */
export async function openSharedProgram(): Promise<void> {
  const fragment = location.hash
  history.replaceState(null, '', location.pathname + location.search)
  const shared = await decodeFragment(fragment)
  if (shared) replaceProgram(shared.language, shared.program)
}

export async function encodeFragment(shared: SharedProgram): Promise<string> {
  const json = new Blob([JSON.stringify(shared)])
  const compressed = json.stream().pipeThrough(new CompressionStream('deflate-raw'))
  return `#${VERSION}.${encodeBase64Url(new Uint8Array(await new Response(compressed).arrayBuffer()))}`
}

/** Returns the program in a fragment, or null if there is none or if it is invalid. */
export async function decodeFragment(fragment: string): Promise<SharedProgram | null> {
  const [version, text] = fragment.replace(/^#/, '').split('.')
  if (version !== VERSION || !text) return null
  try {
    const compressed = new Blob([decodeBase64Url(text)])
    const json = compressed
      .stream()
      .pipeThrough(new DecompressionStream('deflate-raw'))
      .pipeThrough(limitBytes(MAX_BYTES))
    const parsed = v.safeParse(SharedProgram, await new Response(json).json())
    return parsed.success ? parsed.output : null
  } catch {
    return null
  }
}

/** Fails if more than `maximum` bytes pass through. */
function limitBytes(maximum: number): TransformStream<Uint8Array, Uint8Array> {
  let size = 0
  return new TransformStream({
    transform(chunk, controller) {
      size += chunk.length
      if (size > maximum) throw new RangeError(`more than ${maximum} bytes`)
      controller.enqueue(chunk)
    },
  })
}

// Uint8Array.toBase64 and fromBase64 are missing in the oldest browsers of vite.config.ts.
function encodeBase64Url(bytes: Uint8Array): string {
  const binary = Array.from(bytes, (byte) => String.fromCharCode(byte)).join('')
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '')
}

function decodeBase64Url(text: string): Uint8Array<ArrayBuffer> {
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'))
  return Uint8Array.from(binary, (character) => character.charCodeAt(0))
}
