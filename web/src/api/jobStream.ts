/**
 * The live event stream of one job.
 *
 * After a lost connection, the stream reconnects with exponential backoff and continues after the last cursor, so that
 * a listener receives every event once.
 */
import * as v from 'valibot'
import { backoffMs } from './backoff'
import type { Problem } from './errors'
import { RequestRejected } from './errors'
import { createTicket, jobPath } from './jobs'
import { type ClientMessage, StreamEvent, type StreamName } from './streamEvents'

/** An event of the job. Output is text, or bytes if a character is split between two events or invalid. */
export type JobEvent =
  | Exclude<StreamEvent, { type: 'error' | 'output' }>
  | { type: 'output'; cursor: string; stream: StreamName; data: string | Uint8Array }

export type Connection =
  | { state: 'connecting' }
  | { state: 'open' }
  | { state: 'waiting'; retryMs: number }
  | { state: 'closed' }
  | { state: 'rejected'; problem: Problem }

export interface JobStreamListener {
  onEvent(event: JobEvent): void
  onConnection(connection: Connection): void
}

export interface JobStream {
  /** Sends a message. Without a connection, the message is buffered until the next one. */
  send(message: ClientMessage): void
  /** Reconnects without waiting for the end of the backoff. */
  reconnect(): void
  close(): void
}

/** The functions of the browser that a stream uses; tests replace them. */
export interface StreamEnvironment {
  /** Returns the ticket for a connection, or null if none is needed. */
  createTicket(): Promise<string | null>
  openSocket(path: string): WebSocket
  /** Calls `action` after a delay, and returns a function that cancels it. */
  schedule(ms: number, action: () => void): () => void
  random(): number
}

// The server accepts messages of 65,536 characters, including the escapes that JSON adds.
// A multiple of four keeps each part of a base64 text decodable.
const MAX_STDIN_CHARACTERS = 8192
const MAX_BUFFERED_MESSAGES = 1024

// Close codes: 1006 is from RFC 6455, the others are an HTTP status plus 4000.
const CONNECTION_LOST = 1006
const NOT_AUTHENTICATED = 4401
const JOB_NOT_FOUND = 4404
// Input that arrives after the end of the job also closes the connection. The next connection reports the end.
const MESSAGE_REJECTED = new Set([4400, 4422])
const MAX_REJECTED_CONNECTIONS = 3

const BROWSER: StreamEnvironment = {
  createTicket,
  openSocket: (path) => new WebSocket(path),
  schedule: (ms, action) => {
    const timer = setTimeout(action, ms)
    return () => clearTimeout(timer)
  },
  random: Math.random,
}

export function openJobStream(
  jobId: string,
  listener: JobStreamListener,
  environment: StreamEnvironment = BROWSER,
): JobStream {
  let cursor: string | null = null
  let failedAttempts = 0
  let isFinished = false
  let problem: Problem | null = null
  let socket: WebSocket | null = null
  let connectionCount = 0
  let isClosed = false
  let cancelRetry = () => {}
  const buffer: ClientMessage[] = []

  async function connect(): Promise<void> {
    cancelRetry()
    const connection = ++connectionCount
    const isOutdated = () => connection !== connectionCount || isClosed
    listener.onConnection({ state: 'connecting' })
    try {
      const ticket = await environment.createTicket()
      if (!isOutdated()) openSocket(ticket)
    } catch (error) {
      if (isOutdated()) return
      problem = error instanceof RequestRejected ? error.problem : null
      onClose(problem?.status === 401 ? NOT_AUTHENTICATED : CONNECTION_LOST)
    }
  }

  function openSocket(ticket: string | null): void {
    const query = new URLSearchParams({
      ...(cursor !== null && { after: cursor }),
      ...(ticket !== null && { ticket }),
    }).toString()
    const path = `${jobPath(jobId)}/stream`
    const opened = environment.openSocket(query ? `${path}?${query}` : path)
    socket = opened
    opened.onopen = () => {
      listener.onConnection({ state: 'open' })
      for (const message of buffer.splice(0)) opened.send(JSON.stringify(message))
    }
    opened.onmessage = (message) => {
      if (socket === opened) onMessage(message.data)
    }
    opened.onclose = (close) => {
      if (socket === opened) onClose(close.code)
    }
  }

  function onMessage(text: unknown): void {
    const event = v.safeParse(StreamEvent, parseJson(text))
    if (!event.success) return
    if (event.output.type === 'error') {
      problem = event.output.problem
      return
    }
    cursor = event.output.cursor
    failedAttempts = 0
    isFinished ||= event.output.type === 'finished'
    listener.onEvent(decodeEvent(event.output))
  }

  function onClose(code: number): void {
    socket = null
    if (isFinished) listener.onConnection({ state: 'closed' })
    else if (isPermanent(code))
      listener.onConnection({ state: 'rejected', problem: problem ?? problemOf(code) })
    else scheduleRetry()
  }

  function isPermanent(code: number): boolean {
    return (
      code === JOB_NOT_FOUND ||
      code === NOT_AUTHENTICATED ||
      (MESSAGE_REJECTED.has(code) && failedAttempts >= MAX_REJECTED_CONNECTIONS)
    )
  }

  function scheduleRetry(): void {
    const retryMs = backoffMs(failedAttempts++, environment.random())
    listener.onConnection({ state: 'waiting', retryMs })
    cancelRetry = environment.schedule(retryMs, () => void connect())
  }

  function sendOrBuffer(message: ClientMessage): void {
    if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message))
    else if (buffer.length < MAX_BUFFERED_MESSAGES) buffer.push(message)
  }

  void connect()
  return {
    send(message) {
      if (message.type !== 'stdin') sendOrBuffer(message)
      else
        for (const data of splitText(message.data, MAX_STDIN_CHARACTERS)) sendOrBuffer({ ...message, data })
    },
    reconnect() {
      if (socket === null && !isFinished) void connect()
    },
    close() {
      isClosed = true
      cancelRetry()
      const closing = socket
      socket = null
      closing?.close(1000)
    },
  }
}

function decodeEvent(event: Exclude<StreamEvent, { type: 'error' }>): JobEvent {
  if (event.type !== 'output') return event
  const { type, cursor, stream, data, encoding } = event
  return { type, cursor, stream, data: encoding === 'utf8' ? data : decodeBase64(data) }
}

/** The server sends base64 if the bytes are not valid UTF-8, such as a chunk that ends inside a character. */
function decodeBase64(data: string): Uint8Array {
  return Uint8Array.from(atob(data), (character) => character.charCodeAt(0))
}

/** Splits a text into parts of at most `length` UTF-16 units, without splitting a surrogate pair. */
function splitText(text: string, length: number): string[] {
  const parts: string[] = []
  for (let start = 0; start < text.length; ) {
    let end = Math.min(start + length, text.length)
    if (end < text.length && isHighSurrogate(text.charCodeAt(end - 1))) end -= 1
    parts.push(text.slice(start, end))
    start = end
  }
  return parts
}

function isHighSurrogate(code: number): boolean {
  return code >= 0xd800 && code < 0xdc00
}

function parseJson(text: unknown): unknown {
  try {
    return JSON.parse(String(text))
  } catch {
    return null
  }
}

function problemOf(code: number): Problem {
  return {
    type: 'about:blank',
    title: `Connection rejected (code ${code})`,
    status: 0,
    detail: '',
    field: null,
  }
}
