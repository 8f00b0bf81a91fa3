/** The words of a text: names in any language, but no numbers. */

const WORD = /(?<![\p{L}\p{M}\p{N}_])[\p{L}_][\p{L}\p{M}\p{N}_]+/gu
const LAST_WORD = /[\p{L}\p{M}\p{N}_]+$/u

/** Returns each word of `text` once, without `typed`, the word that is being typed. */
export function findWords(text: string, typed: string): string[] {
  const words = new Set(text.match(WORD))
  words.delete(typed)
  return [...words]
}

/** Returns the offset at which the word that ends at `offset` starts; `offset` itself if there is no word. */
export function wordStart(line: string, offset: number): number {
  return LAST_WORD.exec(line.slice(0, offset))?.index ?? offset
}
