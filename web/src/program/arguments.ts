/** Splits a command line as a shell would, as far as quotes and backslashes go: `a 'b c' "d\"e"` is three arguments. */
export function splitArguments(line: string): string[] {
  const found: string[] = []
  let current: string | null = null
  let quote = ''
  for (let at = 0; at < line.length; at += 1) {
    const character = line.charAt(at)
    const escapes = character === '\\' && quote !== "'" && at + 1 < line.length
    if (escapes) current = (current ?? '') + line.charAt(++at)
    else if (character === quote) quote = ''
    else if (quote === '' && (character === "'" || character === '"')) {
      quote = character
      current ??= ''
    } else if (quote === '' && /\s/.test(character)) {
      if (current !== null) found.push(current)
      current = null
    } else current = (current ?? '') + character
  }
  return current === null ? found : [...found, current]
}
