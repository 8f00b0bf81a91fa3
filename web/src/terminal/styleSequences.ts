/** The styles (SGR) that a text leaves set in a terminal. */

// biome-ignore lint/suspicious/noControlCharactersInRegex: matches escape sequences
const STYLE = /\x1b\[([\d;:]*)m/g
const RESET = '\x1b[0m'
const COLOR = /^(?:(?:[34][0-79]|9[0-7]|10[0-7])|[34]8[;:]5[;:]\d+|[34]8[;:]2(?:[;:]\d*){3,4})$/
const MAX_SEQUENCES = 1000

/**
 * Returns a short text that sets the same styles as the sequences of these texts, or null if there is none.
 *
 * Of two sequences that set the same attributes, only the later one has an effect. Therefore, the first ones are left
 * out, as are all before a reset.
 */
export function restoreStyles(texts: string[]): string | null {
  const sequences = new Map<string, string>()
  for (const text of texts) {
    for (const [sequence, parameters = ''] of text.matchAll(STYLE)) {
      if (/^0*$/.test(parameters)) sequences.clear()
      const key = styleKey(parameters)
      sequences.delete(key) // The order is that of the last occurrences.
      sequences.set(key, sequence)
    }
  }
  return sequences.size > MAX_SEQUENCES ? null : [RESET, ...sequences.values()].join('')
}

/** All foreground colours have the same key, and all background colours. Other sequences are their own keys. */
function styleKey(parameters: string): string {
  if (!COLOR.test(parameters)) return parameters
  return parameters.startsWith('4') || parameters.startsWith('10') ? 'background' : 'foreground'
}
