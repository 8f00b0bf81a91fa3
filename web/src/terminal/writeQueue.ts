/**
 * Flow control for the terminal.
 *
 * xterm.js processes all text that it gets, and cannot discard text on request. Therefore the text waits here. The
 * terminal gets it in small pieces and for a part of each frame, so that the browser handles input and the connection
 * in the rest of the frame. Text that the scrollback cannot hold is skipped. While text is skipped, the terminal gets
 * some of it a few times a second: nobody can read more of it, and each frame takes time from the connection.
 */
import { restoreStyles } from './styleSequences'

/** A piece takes xterm.js a few milliseconds. It does not interrupt a piece. */
const PIECE_CHARACTERS = 8 * 1024
const FRAME_BUDGET_MS = 8
const SKIPPING_INTERVAL_MS = 100
/** Text is skipped only if much more waits than the terminal processes in a few frames. */
const MIN_SKIPPED_CHARACTERS = 128 * 1024
/**
 * Text can be skipped if its escape sequences change only colours and its current line: it may contain BEL, BS, and the
 * control sequences SGR, EL, ECH, DCH, ICH, CUF, CUB and CHA.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: matches control characters
const CONTROL = /\x1b(?!\[[\d;:]*[mKXP@CDG])|[\x00-\x06\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f-\x9f]/

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
  /** Called with the number of characters that were skipped. */
  onSkip?: (characters: number) => void
  /** Calls a function in the next frame after a time. Tests replace it. */
  requestFrame?: (callback: () => void, delayMs: number) => void
  /** The time in milliseconds. Tests replace it. */
  now?: () => number
}

interface Entry {
  text: string
  onDone: () => void
}

export function createWriteQueue(writer: Writer, options: Options = {}): WriteQueue {
  const {
    maxLines = () => Number.POSITIVE_INFINITY,
    prepare = () => null,
    onSkip = () => {},
    requestFrame = requestBrowserFrame,
    now = () => performance.now(),
  } = options
  let queue: Entry[] = []
  let queuedCharacters = 0
  /** How many characters of the first entry the terminal has. */
  let sentCharacters = 0
  /** Whether the terminal processes a piece, or is prepared, or waits for the next frame. */
  let isBusy = false
  let frameStart = Number.NEGATIVE_INFINITY
  let lastSkip = Number.NEGATIVE_INFINITY

  function flush(): void {
    if (isBusy) return
    if (queuedCharacters > MIN_SKIPPED_CHARACTERS) skip()
    const [entry] = queue
    if (!entry) return
    const prepared = sentCharacters === 0 ? prepare(entry.text) : null
    isBusy = true
    if (prepared) void prepared.finally(continueFlush)
    else writePiece(entry)
  }

  function continueFlush(): void {
    isBusy = false
    flush()
  }

  function writePiece({ text, onDone }: Entry): void {
    const piece = text.slice(sentCharacters, sentCharacters + PIECE_CHARACTERS)
    queuedCharacters -= piece.length
    sentCharacters += piece.length
    const isLast = sentCharacters >= text.length
    if (isLast) {
      queue.shift()
      sentCharacters = 0
    }
    writer.write(piece, () => {
      if (isLast) onDone()
      if (now() - frameStart < FRAME_BUDGET_MS) continueFlush()
      else requestFrame(startFrame, now() - lastSkip < 2 * SKIPPING_INTERVAL_MS ? SKIPPING_INTERVAL_MS : 0)
    })
  }

  function startFrame(): void {
    frameStart = now()
    continueFlush()
  }

  /** Skips the text that would have left the scrollback when the terminal has processed the whole queue. */
  function skip(): void {
    if (sentCharacters > 0) return // The rest of an entry is written first.
    const start = firstKeptEntry(queue, maxLines())
    const skipped = queue.slice(0, start)
    const characters = countCharacters(skipped)
    if (characters < MIN_SKIPPED_CHARACTERS || skipped.some(({ text }) => CONTROL.test(text))) return
    const styles = restoreStyles(skipped.map(({ text }) => text))
    if (styles === null) return
    // The line in which the kept text starts is not complete. It leaves the scrollback, too.
    queue = [{ text: styles, onDone: () => {} }, ...queue.slice(start)]
    queuedCharacters = countCharacters(queue)
    lastSkip = now()
    onSkip(characters)
    for (const { onDone } of skipped) onDone()
  }

  return {
    write(text, onDone = () => {}) {
      if (!isBusy) frameStart = now()
      queue.push({ text, onDone })
      queuedCharacters += text.length
      flush()
    },
    clear() {
      queue = []
      queuedCharacters = 0
      sentCharacters = 0
    },
  }
}

function requestBrowserFrame(callback: () => void, delayMs: number): void {
  // A hidden page has no frames.
  if (delayMs > 0 || document.hidden) setTimeout(callback, delayMs)
  else requestAnimationFrame(callback)
}

function countCharacters(entries: Entry[]): number {
  return entries.reduce((sum, { text }) => sum + text.length, 0)
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
