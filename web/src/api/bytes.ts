/** The bytes of one output event. A chunk that ends inside a character comes as base64. */
export function bytesOf(data: string, encoding: 'utf8' | 'base64'): Uint8Array {
  if (encoding === 'utf8') return new TextEncoder().encode(data)
  return Uint8Array.from(atob(data), (character) => character.charCodeAt(0))
}

/** Parts of a text of at most `characters` each, never cut between the two halves of one character. */
export function parts(text: string, characters: number): string[] {
  const found: string[] = []
  for (let start = 0; start < text.length; ) {
    let end = Math.min(start + characters, text.length)
    if (end < text.length && isHighSurrogate(text.charCodeAt(end - 1))) end -= 1
    found.push(text.slice(start, end))
    start = end
  }
  return found
}

function isHighSurrogate(code: number): boolean {
  return code >= 0xd800 && code < 0xdc00
}
