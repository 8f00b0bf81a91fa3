/**
 * What is to be shown waits here, not in the terminal: that one keeps all it was given and gives up above 50 MB, and
 * what it was given cannot be taken back.
 */

const MOST_IN_FLIGHT_CHARACTERS = 256 * 1024

/** The one thing that is needed of a terminal: `done` is called when it has read the text. */
export interface Sink {
  write(text: string, done: () => void): void
}

export interface Pace {
  write(text: string, done?: () => void): void
  /** Drops what waits. */
  forget(): void
}

export function paced(sink: Sink): Pace {
  let waiting: { text: string; done: () => void }[] = []
  let inFlight = 0

  function pump(): void {
    while (inFlight < MOST_IN_FLIGHT_CHARACTERS) {
      const next = waiting.shift()
      if (!next) return
      inFlight += next.text.length
      sink.write(next.text, () => {
        inFlight -= next.text.length
        next.done()
        pump()
      })
    }
  }

  return {
    write(text, done = () => {}) {
      waiting.push({ text, done })
      pump()
    },
    forget() {
      waiting = []
    },
  }
}
