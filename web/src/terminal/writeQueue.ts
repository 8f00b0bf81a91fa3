/**
 * Flow control for the terminal.
 *
 * xterm.js buffers all text that it gets, discards text above 50 MB, and cannot discard text on request. Therefore the
 * text waits here until xterm.js has processed what it got before. Text that the scrollback cannot hold is dropped.
 */

const MAX_PENDING_CHARACTERS = 256 * 1024
/** Text is dropped only if much more waits than the terminal processes in a few frames. */
const MIN_DROPPED_CHARACTERS = 512 * 1024
/** Only text whose escape sequences change nothing but colours can be dropped. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: matches control characters
const CONTROL = /\x1b(?!\[[\d;:]*m)|[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f-\x9f]/
// biome-ignore lint/suspicious/noControlCharactersInRegex: matches escape sequences
const STYLES = /\x1b\[[\d;:]*m/g
const RESET_STYLE = '\x1b[0m'
const MAX_KEPT_STYLES = 64

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

interface Options {
  /** The number of lines that the terminal keeps, including those on the screen. */
  maxLines?: () => number
  /** Returns a promise if the terminal has to be prepared before it gets a text. */
  prepare?: (text: string) => Promise<void> | null
}

interface Entry {
  text: string
  onDone: () => void
}

export function createWriteQueue(writer: Writer, options: Options = {}): WriteQueue {
  const { maxLines = () => Number.POSITIVE_INFINITY, prepare = () => null } = options
  let queue: Entry[] = []
  let queuedCharacters = 0
  let pendingCharacters = 0
  let isPreparing = false

  function flush(): void {
    if (queuedCharacters > MIN_DROPPED_CHARACTERS) drop()
    while (pendingCharacters < MAX_PENDING_CHARACTERS && !isPreparing) {
      const [next] = queue
      if (!next) return
      const prepared = prepare(next.text)
      if (prepared) {
        isPreparing = true
        void prepared.finally(() => {
          isPreparing = false
          flush()
        })
        return
      }
      queue.shift()
      queuedCharacters -= next.text.length
      pendingCharacters += next.text.length
      writer.write(next.text, () => {
        pendingCharacters -= next.text.length
        next.onDone()
        flush()
      })
    }
  }

  /** Drops the text that would have left the scrollback when the terminal has processed the whole queue. */
  function drop(): void {
    const start = firstKeptEntry(queue, maxLines())
    const dropped = queue.slice(0, start)
    const size = dropped.reduce((sum, { text }) => sum + text.length, 0)
    if (size < MIN_DROPPED_CHARACTERS || dropped.some(({ text }) => CONTROL.test(text))) return
    const styles = dropped.flatMap(({ text }) => text.match(STYLES) ?? []).slice(-MAX_KEPT_STYLES)
    // The line in which the kept text starts is not complete. It leaves the scrollback, too.
    const restored = { text: RESET_STYLE + styles.join(''), onDone: () => {} }
    queue = [restored, ...queue.slice(start)]
    queuedCharacters = queue.reduce((sum, { text }) => sum + text.length, 0)
    for (const { onDone } of dropped) onDone()
  }

  return {
    write(text, onDone = () => {}) {
      queue.push({ text, onDone })
      queuedCharacters += text.length
      flush()
    },
    clear() {
      queue = []
      queuedCharacters = 0
    },
  }
}

/** The index of the first entry that the lines after it do not push out of the scrollback. */
function firstKeptEntry(queue: Entry[], maxLines: number): number {
  let lines = 0
  for (let index = queue.length - 1; index >= 0; index -= 1) {
    lines += countLines(queue[index]?.text ?? '')
    if (lines > maxLines) return index
  }
  return 0
}

function countLines(text: string): number {
  let count = 0
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) count += 1
  return count
}
