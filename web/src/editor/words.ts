/** The words of a text: names in any language, but no numbers. */

/** Monaco compares each suggestion with every key that is typed. */
export const MAX_WORDS = 300

/** Lines before and after the caret that are searched, so that a key takes two milliseconds. */
const MAX_DISTANCE = 1000

const WORD = /(?<![\p{L}\p{M}\p{N}_])[\p{L}_][\p{L}\p{M}\p{N}_]+/gu
const LAST_WORD = /[\p{L}\p{M}\p{N}_]+$/u
const MAX_CACHED_LINES = 50_000

/** The words of lines, because a key changes one line of many. */
const cachedWords = new Map<string, readonly string[]>()

/**
 * Returns words of a file that can complete the one that is being typed, those of the nearest lines first.
 *
 * @param lines - The lines of the file.
 * @param index - The index of the line of the caret.
 * @param typed - What is typed of the word. It is not returned. If it is empty, all words are possible.
 * @returns At most MAX_WORDS words, each once.
 */
export function findWords(lines: readonly string[], index: number, typed: string): string[] {
  const found = new Set<string>()
  const canComplete = createWordFilter(typed)
  for (let distance = 0; distance <= MAX_DISTANCE; distance++) {
    const nearby = distance === 0 ? [lines[index]] : [lines[index - distance], lines[index + distance]]
    for (const line of nearby) {
      if (line === undefined) continue
      for (const word of findLineWords(line)) {
        if (word !== typed && canComplete(word)) found.add(word)
      }
    }
    if (found.size >= MAX_WORDS) break
  }
  return [...found].slice(0, MAX_WORDS)
}

/** Returns the offset at which the word that ends at `offset` starts; `offset` itself if there is no word. */
export function wordStart(line: string, offset: number): number {
  return LAST_WORD.exec(line.slice(0, offset))?.index ?? offset
}

function findLineWords(line: string): readonly string[] {
  let words = cachedWords.get(line)
  if (words === undefined) {
    if (cachedWords.size >= MAX_CACHED_LINES) cachedWords.clear()
    words = line.match(WORD) ?? []
    cachedWords.set(line, words)
  }
  return words
}

/**
 * Creates a function that returns whether the first typed letter starts a word or one of its parts (`wordPart`,
 * `word_part`), as Monaco compares them.
 */
function createWordFilter(typed: string): (word: string) => boolean {
  const [first] = typed
  if (first === undefined) return () => true
  const lower = first.toLowerCase()
  const upper = first.toUpperCase()
  return (word) => {
    if (word.startsWith(lower) || word.startsWith(upper) || word.includes(`_${lower}`)) return true
    return upper !== lower && word.includes(upper)
  }
}
