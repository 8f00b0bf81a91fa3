/**
 * Splits a command line into arguments at blanks, with the quotes and backslashes of a shell.
 *
 * `a 'b c' "d\"e"` gives three arguments. There are no variables, globs or comments.
 */
export function splitArguments(line: string): string[] {
  const args: string[] = []
  let current: string | null = null
  let quote = ''
  for (let at = 0; at < line.length; at += 1) {
    const character = line.charAt(at)
    const isEscape = character === '\\' && quote !== "'" && at + 1 < line.length
    if (isEscape) current = (current ?? '') + line.charAt(++at)
    else if (character === quote) quote = ''
    else if (quote === '' && (character === "'" || character === '"')) {
      quote = character
      current ??= ''
    } else if (quote === '' && /\s/.test(character)) {
      if (current !== null) args.push(current)
      current = null
    } else current = (current ?? '') + character
  }
  return current === null ? args : [...args, current]
}
