const SYNTAX_ERROR = 'the code has a syntax error'

/**
 * Formats Zig. `format` is the function of zig_fmt, which formats programs with syntax errors, too: it leaves out what
 * it does not understand, or reads outside of its memory.
 *
 * Throws an Error if the formatted text differs in more than blanks and commas.
 */
export function formatZig(format: (text: string) => string, text: string): string {
  if (text.trim() === '') return text
  let formatted: string
  try {
    formatted = format(text)
  } catch {
    throw new Error(SYNTAX_ERROR)
  }
  if (withoutLayout(formatted) !== withoutLayout(text)) throw new Error(SYNTAX_ERROR)
  return formatted
}

/** The formatter adds and removes the comma after the last item of a list. */
function withoutLayout(text: string): string {
  return text.replace(/[\s,]/g, '')
}
