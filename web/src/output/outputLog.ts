/** The output of a run, decoded to text: for the terminal, for the tests, for copying and for the history. */
import type { StreamName } from '../api/streamEvents'

/** Where bytes were written: to a pipe, or to a terminal, which has its own line ends. */
export type OutputSource = StreamName | 'terminal'

export interface Chunk {
  /** A `notice` is a text of the page between the lines of the program. */
  stream: OutputSource | 'notice'
  text: string
  /** The test that wrote it. */
  test?: string
}

type Change = Chunk | 'cleared'

/** The maximum of the output limit. More output, of several phases, is shown live but not kept. */
export const MAX_KEPT_CHARACTERS = 64 * 1024 * 1024

export class OutputLog {
  private chunks: Chunk[] = []
  private test: string | null = null
  private characters = 0
  private decoders = newDecoders()
  private listeners = new Set<(change: Change) => void>()

  /** Whether all output is kept. */
  get isComplete(): boolean {
    return this.characters <= MAX_KEPT_CHARACTERS
  }

  /** Adds output of one source. A character may be split between two calls with bytes. */
  append(stream: OutputSource, data: string | Uint8Array): void {
    // A text after bytes: the replacement character of an incomplete character, if there is one, and the text.
    const text =
      typeof data === 'string'
        ? this.decoders[stream].decode() + data
        : this.decoders[stream].decode(data, { stream: true })
    if (text) this.add({ stream, text, ...(this.test !== null && { test: this.test }) })
  }

  /** Assigns the output that follows to a test. */
  startTest(name: string): void {
    this.test = name
    this.decoders = newDecoders()
  }

  addNotice(text: string): void {
    this.add({ stream: 'notice', text })
  }

  clear(): void {
    this.chunks = []
    this.test = null
    this.characters = 0
    this.decoders = newDecoders()
    this.publish('cleared')
  }

  /** Calls the listener with the kept chunks and then with each change. Returns a function that unsubscribes it. */
  subscribe(listener: (change: Change) => void): () => void {
    for (const chunk of this.chunks) listener(chunk)
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  /** Returns the kept output with `\n` as line end: all of it, or that of one source or one test. */
  text(stream?: OutputSource, test?: string): string {
    return joinChunks(
      this.chunks
        .filter((chunk) => (stream ? chunk.stream === stream : chunk.stream !== 'notice'))
        .filter((chunk) => test === undefined || chunk.test === test),
    )
  }

  /** Returns the end of the kept output: whole chunks with at least `characters` characters, if it has as many. */
  endText(characters: number): string {
    const chunks = this.chunks.filter(({ stream }) => stream !== 'notice')
    let start = chunks.length
    for (let length = 0; start > 0 && length < characters; start -= 1)
      length += chunks[start - 1]?.text.length ?? 0
    return joinChunks(chunks.slice(start))
  }

  private add(chunk: Chunk): void {
    this.characters += chunk.text.length
    if (this.isComplete) this.chunks.push(chunk)
    this.publish(chunk)
  }

  private publish(change: Change): void {
    for (const listener of this.listeners) listener(change)
  }
}

function joinChunks(chunks: Chunk[]): string {
  return chunks
    .map(({ stream, text }) => (stream === 'terminal' ? text.replaceAll('\r\n', '\n') : text))
    .join('')
}

function newDecoders(): Record<OutputSource, TextDecoder> {
  return { stdout: new TextDecoder(), stderr: new TextDecoder(), terminal: new TextDecoder() }
}
