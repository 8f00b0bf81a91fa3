/**
 * One job, followed live to its end. A connection that is lost is made again, later and later, and goes on behind
 * the last cursor: whoever listens sees every event once.
 */
import * as v from 'valibot'
import { backoffMs } from './backoff'
import { bytesOf, parts } from './bytes'
import { Refused } from './errors'
import { type ClientMessage, StreamEvent, type StreamName } from './events'
import type { Problem } from './schema'
import { ticket } from './tickets'

/** What a listener hears: what the server sends, with the bytes of the output as they are. */
export type JobEvent =
  | Exclude<StreamEvent, { type: 'error' | 'output' }>
  | { type: 'output'; cursor: string; stream: StreamName; bytes: Uint8Array }

export type Connection =
  | { state: 'connecting' }
  | { state: 'live' }
  | { state: 'waiting'; retryMs: number }
  | { state: 'ended' }
  | { state: 'refused'; problem: Problem }

export interface Listener {
  onEvent(event: JobEvent): void
  onConnection(connection: Connection): void
}

export interface Follower {
  /** Sends, or keeps for the next connection while there is none. */
  send(message: ClientMessage): void
  /** Tries again now instead of after the pause. */
  retry(): void
  close(): void
}

/** What the follower needs of the browser; tests bring their own. */
export interface Surroundings {
  /** What the connection is opened with, or null where none is needed. */
  ticket(): Promise<string | null>
  open(path: string): WebSocket
  after(ms: number, action: () => void): () => void
  random(): number
}

// The server takes messages of 65 536 characters; what JSON adds to each character has to fit as well. A part of
// base64 has to be whole, too: four characters are three bytes.
const STDIN_CHARACTERS = 8192
const MOST_KEPT_MESSAGES = 1024
const UNREACHABLE = 1006
const NOT_AUTHENTICATED = 4401
const NO_SUCH_JOB = 4404
// Input that came too late closes the connection too: the end of the job is then found on the next one.
const MESSAGE_REFUSED = new Set([4400, 4422])
const REFUSED_FOR_GOOD = 3

const browser: Surroundings = {
  ticket,
  open: (path) => new WebSocket(path),
  after: (ms, action) => {
    const timer = setTimeout(action, ms)
    return () => clearTimeout(timer)
  },
  random: Math.random,
}

export function follow(jobId: string, listener: Listener, surroundings: Surroundings = browser): Follower {
  let cursor: string | null = null
  let attempt = 0
  let finished = false
  let problem: Problem | null = null
  let socket: WebSocket | null = null
  let connects = 0
  let isClosed = false
  let stopWaiting = () => {}
  const kept: ClientMessage[] = []

  async function connect(): Promise<void> {
    stopWaiting()
    const mine = ++connects
    listener.onConnection({ state: 'connecting' })
    try {
      const ticket = await surroundings.ticket()
      if (mine === connects && !isClosed) open(ticket)
    } catch (error) {
      if (mine !== connects || isClosed) return
      problem = error instanceof Refused ? error.problem : null
      lost(problem?.status === 401 ? NOT_AUTHENTICATED : UNREACHABLE)
    }
  }

  function open(ticket: string | null): void {
    const query = new URLSearchParams({
      ...(cursor !== null && { after: cursor }),
      ...(ticket !== null && { ticket }),
    }).toString()
    const path = `/v1/jobs/${encodeURIComponent(jobId)}/stream`
    const opened = surroundings.open(query ? `${path}?${query}` : path)
    socket = opened
    opened.onopen = () => {
      listener.onConnection({ state: 'live' })
      for (const message of kept.splice(0)) opened.send(JSON.stringify(message))
    }
    opened.onmessage = (message) => {
      if (socket === opened) take(message.data)
    }
    opened.onclose = (close) => {
      if (socket === opened) lost(close.code)
    }
  }

  function take(text: unknown): void {
    const event = v.safeParse(StreamEvent, readJson(text))
    if (!event.success) return
    if (event.output.type === 'error') {
      problem = event.output.problem
      return
    }
    cursor = event.output.cursor
    attempt = 0
    finished ||= event.output.type === 'finished'
    listener.onEvent(decoded(event.output))
  }

  function lost(code: number): void {
    socket = null
    if (finished) listener.onConnection({ state: 'ended' })
    else if (staysRefused(code))
      listener.onConnection({ state: 'refused', problem: problem ?? unknown(code) })
    else pause()
  }

  function staysRefused(code: number): boolean {
    return (
      code === NO_SUCH_JOB ||
      code === NOT_AUTHENTICATED ||
      (MESSAGE_REFUSED.has(code) && attempt >= REFUSED_FOR_GOOD)
    )
  }

  function pause(): void {
    const retryMs = backoffMs(attempt++, surroundings.random())
    listener.onConnection({ state: 'waiting', retryMs })
    stopWaiting = surroundings.after(retryMs, () => void connect())
  }

  function sendOne(message: ClientMessage): void {
    if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message))
    else if (kept.length < MOST_KEPT_MESSAGES) kept.push(message)
  }

  void connect()
  return {
    send(message) {
      if (message.type !== 'stdin') sendOne(message)
      else for (const data of parts(message.data, STDIN_CHARACTERS)) sendOne({ ...message, data })
    },
    retry() {
      if (socket === null && !finished) void connect()
    },
    close() {
      isClosed = true
      stopWaiting()
      const closing = socket
      socket = null
      closing?.close(1000)
    },
  }
}

function decoded(event: Exclude<StreamEvent, { type: 'error' }>): JobEvent {
  if (event.type !== 'output') return event
  const { type, cursor, stream, data, encoding } = event
  return { type, cursor, stream, bytes: bytesOf(data, encoding) }
}

function readJson(text: unknown): unknown {
  try {
    return JSON.parse(String(text))
  } catch {
    return null
  }
}

function unknown(code: number): Problem {
  return {
    type: 'about:blank',
    title: `The connection was refused (${code})`,
    status: 0,
    detail: '',
    field: null,
  }
}
