/**
 * Flow control for the terminal.
 *
 * xterm.js buffers all text that it gets, discards text above 50 MB, and cannot discard text on request. Therefore the
 * text waits here until xterm.js has processed what it got before.
 */

const MAX_PENDING_CHARACTERS = 256 * 1024

/** The method of xterm.js that the queue uses. It calls `onDone` when it has processed the text. */
export interface Writer {
  write(text: string, onDone: () => void): void
}

export interface WriteQueue {
  /** Adds text and returns at once. `onDone` is called when the terminal has processed it. */
  write(text: string, onDone?: () => void): void
  /** Discards the text that the terminal does not have yet. */
  clear(): void
}

export function createWriteQueue(writer: Writer): WriteQueue {
  let queue: { text: string; onDone: () => void }[] = []
  let pendingCharacters = 0

  function flush(): void {
    while (pendingCharacters < MAX_PENDING_CHARACTERS) {
      const next = queue.shift()
      if (!next) return
      pendingCharacters += next.text.length
      writer.write(next.text, () => {
        pendingCharacters -= next.text.length
        next.onDone()
        flush()
      })
    }
  }

  return {
    write(text, onDone = () => {}) {
      queue.push({ text, onDone })
      flush()
    },
    clear() {
      queue = []
    },
  }
}
