/** The message of each formatter as a part of a sentence. */

const SYNTAX_ERROR = 'the code has a syntax error'
const NEWLINE = 10

/** Returns the first line of `message` that states the problem. `text` is the code that was not formatted. */
export function formatterErrorText(message: string, text: string): string {
  // Mago returns the debug text of a structure, with the position in bytes.
  const offset = /start: Position \{ offset: (\d+) \}/.exec(message)?.[1]
  if (offset !== undefined) {
    const before = new TextEncoder().encode(text).subarray(0, Number(offset))
    return `${SYNTAX_ERROR} in line ${before.filter((byte) => byte === NEWLINE).length + 1}`
  }
  // StyLua starts with a heading that ends with a colon, and a list.
  const lines = message.split('\n').map((line) => line.replace(/^\s*-\s/, '').trim())
  return (lines.find((line) => line !== '' && !line.endsWith(':')) ?? SYNTAX_ERROR).replace(/\.$/, '')
}
