/**
 * A program in a link: JSON, compressed with DEFLATE (RFC 1951), as base64url in the fragment of the URL.
 *
 * Browsers send the fragment to no server. It starts with the version of the format.
 */
import * as v from 'valibot'
import { Program } from '../program/program'

const VERSION = 'v1'
// A few kilobytes can decompress to gigabytes.
const MAX_BYTES = 8 * 1024 * 1024

const DAMAGED =
  'The link is incomplete or damaged, so its program cannot be shown. Ask for the link again: some mail and chat programs cut off long links. Your own program is shown.'
const NEWER_VERSION =
  'The link was created by a newer version of this page. Reload the page, and open the link again. Your own program is shown.'

const SharedProgram = v.object({ language: v.string(), program: Program })
export type SharedProgram = v.InferOutput<typeof SharedProgram>

export async function encodeFragment(shared: SharedProgram): Promise<string> {
  const json = new Blob([JSON.stringify(shared)])
  const compressed = json.stream().pipeThrough(new CompressionStream('deflate-raw'))
  return `#${VERSION}.${encodeBase64Url(new Uint8Array(await new Response(compressed).arrayBuffer()))}`
}

/** Returns the program in a fragment, or a text that states why there is none. */
export async function decodeFragment(fragment: string): Promise<SharedProgram | string> {
  const [version, text] = fragment.replace(/^#/, '').split('.')
  if (version !== VERSION && /^v\d+$/.test(version ?? '')) return NEWER_VERSION
  if (version !== VERSION || !text) return DAMAGED
  try {
    const compressed = new Blob([decodeBase64Url(text)])
    const json = compressed
      .stream()
      .pipeThrough(new DecompressionStream('deflate-raw'))
      .pipeThrough(limitBytes(MAX_BYTES))
    const parsed = v.safeParse(SharedProgram, await new Response(json).json())
    return parsed.success ? parsed.output : DAMAGED
  } catch {
    return DAMAGED
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
