import fc from 'fast-check'
import { expect, test } from 'vitest'
import { RequestRejected, ServerUnreachable } from '../../src/api/errors'
import {
  type Connection,
  type JobEvent,
  openJobStream,
  type StreamEnvironment,
} from '../../src/api/jobStream'

/** Fake sockets and timers, which the test controls. */
class FakeEnvironment implements StreamEnvironment {
  sockets: FakeSocket[] = []
  timers: (() => void)[] = []
  events: JobEvent[] = []
  connections: Connection[] = []

  createTicket: () => Promise<string | null> = async () => null
  openSocket(path: string): WebSocket {
    const socket = new FakeSocket(path)
    this.sockets.push(socket)
    return socket as unknown as WebSocket
  }
  schedule(_ms: number, action: () => void): () => void {
    this.timers.push(action)
    return () => {
      this.timers = this.timers.filter((timer) => timer !== action)
    }
  }
  random = () => 0.5

  async openStream() {
    const { events, connections } = this
    const stream = openJobStream(
      'job',
      { onEvent: (event) => events.push(event), onConnection: (connection) => connections.push(connection) },
      this,
    )
    await settled()
    return stream
  }
  /** Runs the timer of the next reconnection. */
  async runTimer() {
    this.timers.pop()?.()
    await settled()
  }
  get socket(): FakeSocket {
    return this.sockets.at(-1) as FakeSocket
  }
}

/** Waits until the stream has created its ticket. */
function settled(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0))
}

class FakeSocket {
  readyState = 0
  sent: unknown[] = []
  onopen = () => {}
  onmessage = (_message: { data: string }) => {}
  onclose = (_close: { code: number }) => {}
  constructor(readonly path: string) {}

  accept() {
    this.readyState = WebSocket.OPEN
    this.onopen()
  }
  receive(event: object) {
    this.onmessage({ data: JSON.stringify(event) })
  }
  drop(code = 1006) {
    this.readyState = WebSocket.CLOSED
    this.onclose({ code })
  }
  send(text: string) {
    this.sent.push(JSON.parse(text))
  }
  close() {}
}

const output = (cursor: string, data: string) => ({ type: 'output', cursor, stream: 'stdout', data })
const finished = {
  type: 'finished',
  cursor: '9-0',
  result: { outcome: 'ok', exit_code: 0, signal: null, message: 'exited normally' },
}

test('stream continues after the last cursor when it reconnects', async () => {
  const environment = new FakeEnvironment()
  await environment.openStream()
  environment.socket.accept()
  environment.socket.receive(output('1-0', 'a'))
  environment.socket.drop()

  await environment.runTimer()

  expect(environment.connections.at(-2)).toMatchObject({ state: 'waiting' })
  expect(environment.socket.path).toBe('/v1/jobs/job/stream?after=1-0')
})

test('stream increases the delay with each failure and resets it with each event', async () => {
  const environment = new FakeEnvironment()
  await environment.openStream()
  const delays: number[] = []
  for (let count = 0; count < 3; count += 1) {
    environment.socket.drop()
    delays.push((environment.connections.at(-1) as { retryMs: number }).retryMs)
    await environment.runTimer()
  }
  environment.socket.accept()
  environment.socket.receive(output('1-0', 'a'))
  environment.socket.drop()

  expect(delays).toEqual([...delays].sort((a, b) => a - b))
  expect(environment.connections.at(-1)).toEqual({ state: 'waiting', retryMs: delays[0] })
})

test('stream does not reconnect after the result', async () => {
  const environment = new FakeEnvironment()
  await environment.openStream()
  environment.socket.accept()
  environment.socket.receive(finished)
  environment.socket.drop(1000)

  expect(environment.connections.at(-1)).toEqual({ state: 'closed' })
  expect(environment.timers).toEqual([])
})

test('stream reports the problem of a missing job', async () => {
  const environment = new FakeEnvironment()
  await environment.openStream()
  environment.socket.accept()
  environment.socket.receive({
    type: 'error',
    problem: { type: '/problems/job-not-found', title: 'gone', status: 404 },
  })
  environment.socket.drop(4404)

  expect(environment.connections.at(-1)).toMatchObject({ state: 'rejected', problem: { status: 404 } })
})

test('stream buffers messages until the next connection and splits long ones', async () => {
  const environment = new FakeEnvironment()
  const stream = await environment.openStream()
  stream.send({ type: 'stdin', data: 'x'.repeat(20_000) })
  stream.send({ type: 'eof' })

  environment.socket.accept()

  const types = environment.socket.sent.map((message) => (message as { type: string }).type)
  expect(types).toEqual(['stdin', 'stdin', 'stdin', 'eof'])
})

test('stream decodes base64 output', async () => {
  const environment = new FakeEnvironment()
  await environment.openStream()
  environment.socket.accept()
  environment.socket.receive({ ...output('1-0', '/w=='), encoding: 'base64' })

  expect(environment.events).toMatchObject([{ data: Uint8Array.of(255) }])
})

test('stream ignores unknown messages', async () => {
  const environment = new FakeEnvironment()
  await environment.openStream()
  environment.socket.accept()
  environment.socket.receive({ type: 'news', cursor: '1-0' })
  environment.socket.onmessage({ data: 'no json' })

  expect(environment.events).toEqual([])
})

test('stream creates a ticket for each connection', async () => {
  const environment = new FakeEnvironment()
  let tickets = 0
  environment.createTicket = async () => `ticket-${++tickets}`
  await environment.openStream()
  environment.socket.accept()
  environment.socket.receive(output('1-0', 'a'))
  environment.socket.drop()

  await environment.runTimer()

  expect(environment.sockets.map(({ path }) => path)).toEqual([
    '/v1/jobs/job/stream?ticket=ticket-1',
    '/v1/jobs/job/stream?after=1-0&ticket=ticket-2',
  ])
})

test('stream retries after a network error but not after a rejected key', async () => {
  const environment = new FakeEnvironment()
  const problem = { type: '/problems/not-authenticated', title: 'no', status: 401, detail: '', field: null }
  const errors = [new ServerUnreachable('away'), new RequestRejected(problem, null)]
  environment.createTicket = () => Promise.reject(errors.shift())

  await environment.openStream()
  expect(environment.connections.at(-1)).toMatchObject({ state: 'waiting' })
  await environment.runTimer()

  expect(environment.connections.at(-1)).toMatchObject({ state: 'rejected', problem })
  expect(environment.timers).toEqual([])
})

test('stream delivers each event once and in order, however often the connection is lost', async () => {
  const step = fc.constantFrom('send', 'send', 'send', 'drop', 'timer', 'reconnect')
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const environment = new FakeEnvironment()
      const stream = await environment.openStream()
      const server = new FakeServer(environment)
      for (const name of steps) {
        if (name === 'send') server.send()
        else if (name === 'drop') server.drop()
        else if (name === 'timer') await environment.runTimer()
        else stream.reconnect()
        await settled()
        server.accept()
      }
      await environment.runTimer()
      server.accept()
      server.sendAll()
      expect(environment.events.map(({ cursor }) => cursor)).toEqual(LOG.map(({ cursor }) => cursor))
    }),
    { numRuns: 60 },
  )
})

const LOG = [...Array.from({ length: 8 }, (_, index) => output(`${index + 1}-0`, 'x')), finished]

/** Sends the events of a job after the cursor in the path of each connection. Old connections still get events. */
class FakeServer {
  private next = new Map<FakeSocket, number>()
  constructor(private readonly environment: FakeEnvironment) {
    this.accept()
  }

  /** Accepts the last connection, if it is new. */
  accept(): void {
    const { socket } = this.environment
    if (socket === undefined || this.next.has(socket)) return
    const after = new URLSearchParams(socket.path.split('?')[1]).get('after')
    this.next.set(socket, after === null ? 0 : LOG.findIndex(({ cursor }) => cursor === after) + 1)
    socket.accept()
  }
  /** Sends the next event of every connection. */
  send(): void {
    for (const [socket, index] of this.next) {
      const event = LOG[index]
      if (event === undefined) continue
      this.next.set(socket, index + 1)
      socket.receive(event)
    }
  }
  sendAll(): void {
    for (let count = 0; count < LOG.length; count += 1) this.send()
  }
  drop(): void {
    this.environment.socket.drop()
  }
}
