/** Line input for a program with a pipe: the page echoes and edits the line, and sends it when it is complete. */
import type { ClientMessage } from '../api/streamEvents'

export interface LineEditor {
  /** Handles typed or pasted characters. */
  type(data: string): void
}

const END_OF_INPUT = '\x04'
const INTERRUPT = '\x03'
const BACKSPACE = '\x7f'
const ERASE_CHARACTER = '\b \b'

/** `write` shows text in the terminal. `interrupt` handles Ctrl+C. */
export function createLineEditor(
  write: (text: string) => void,
  send: (message: ClientMessage) => void,
  interrupt: () => void,
): LineEditor {
  let line: string[] = []

  function typeCharacter(character: string): void {
    if (character === '\r' || character === '\n') {
      send({ type: 'stdin', data: `${line.join('')}\n` })
      line = []
      write('\r\n')
    } else if (character === BACKSPACE) {
      if (line.pop() !== undefined) write(ERASE_CHARACTER)
    } else if (character === END_OF_INPUT) {
      if (line.length > 0) send({ type: 'stdin', data: line.join('') })
      else send({ type: 'eof' })
      line = []
    } else if (character === INTERRUPT) {
      write('^C\r\n')
      interrupt()
    } else if (character >= ' ' || character === '\t') {
      line.push(character)
      write(character)
    }
  }

  return {
    type(data) {
      if (data.startsWith('\x1b')) return // Arrow and function keys have no meaning here.
      for (const character of data.replaceAll('\r\n', '\r')) typeCharacter(character)
    },
  }
}
