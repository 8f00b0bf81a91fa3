/** What a run has written so far: kept for the terminal, for copying and for the history, up to a bound. */
import type { StreamName } from '../api/events'

/** Where bytes were written to: a pipe, or a terminal with its own line ends. */
export type Source = StreamName | 'terminal'

export interface Chunk {
  /** `notice` is said by the page itself, between the lines of the program. */
  stream: Source | 'notice'
  text: string
  /** The test that it was written in. */
  test?: string
}

type Change = Chunk | 'cleared'

// About four times the default output limit: more is still shown live, but not kept.
const MOST_KEPT_CHARACTERS = 4 * 1024 * 1024

export class Output {
  private chunks: Chunk[] = []
  private test: string | null = null
  private characters = 0
  private decoders = newDecoders()
  private listeners = new Set<(change: Change) => void>()

  /** Bytes of one source; a character may be cut between two calls. */
  append(stream: Source, bytes: Uint8Array): void {
    const text = this.decoders[stream].decode(bytes, { stream: true })
    if (text) this.add({ stream, text, ...(this.test !== null && { test: this.test }) })
  }

  /** What comes from now on is of this test. */
  beginTest(name: string): void {
    this.test = name
    this.decoders = newDecoders()
  }

  notice(text: string): void {
    this.add({ stream: 'notice', text })
  }

  /** Forget all of it. */
  clear(): void {
    this.chunks = []
    this.test = null
    this.characters = 0
    this.decoders = newDecoders()
    this.tell('cleared')
  }

  /** Hears everything from the beginning on, then whatever comes. Returns how to stop. */
  listen(listener: (change: Change) => void): () => void {
    for (const chunk of this.chunks) listener(chunk)
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  /** The program's own words, as far as they are kept, in lines that end as they do in files. */
  text(stream?: Source, test?: string): string {
    const wanted = this.chunks.filter(
      (chunk) =>
        (stream ? chunk.stream === stream : chunk.stream !== 'notice') &&
        (test === undefined || chunk.test === test),
    )
    return wanted
      .map(({ stream, text }) => (stream === 'terminal' ? text.replaceAll('\r\n', '\n') : text))
      .join('')
  }

  private add(chunk: Chunk): void {
    this.characters += chunk.text.length
    if (this.characters <= MOST_KEPT_CHARACTERS) this.chunks.push(chunk)
    this.tell(chunk)
  }

  private tell(change: Change): void {
    for (const listener of this.listeners) listener(change)
  }
}

function newDecoders(): Record<Source, TextDecoder> {
  return { stdout: new TextDecoder(), stderr: new TextDecoder(), terminal: new TextDecoder() }
}
