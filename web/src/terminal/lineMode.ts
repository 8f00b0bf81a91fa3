/** Typing for a program that has a pipe, not a terminal: the line is shown and edited here, and sent when it is done. */
import type { ClientMessage } from '../api/events'

export interface LineMode {
  /** What was typed or pasted. */
  type(data: string): void
}

const END_OF_INPUT = '\x04'
const INTERRUPT = '\x03'
const RUB_OUT = '\b \b'

/** `write` shows text on the screen; `interrupt` is what Ctrl+C does. */
export function lineMode(
  write: (text: string) => void,
  send: (message: ClientMessage) => void,
  interrupt: () => void,
): LineMode {
  let line: string[] = []

  function take(character: string): void {
    if (character === '\r' || character === '\n') {
      send({ type: 'stdin', data: `${line.join('')}\n` })
      line = []
      write('\r\n')
    } else if (character === '\x7f') {
      if (line.pop() !== undefined) write(RUB_OUT)
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
      if (data.startsWith('\x1b')) return // arrows and the like: there is no line editor here
      for (const character of data.replaceAll('\r\n', '\r')) take(character)
    },
  }
}
