import { expect, test } from 'vitest'
import { Refused, Unreachable } from '../src/api/errors'
import { type Connection, follow, type JobEvent, type Surroundings } from '../src/api/follow'

/** A network in the test's hand: sockets are opened by the test, and time passes when it says so. */
class Network implements Surroundings {
  sockets: FakeSocket[] = []
  waiting: (() => void)[] = []
  events: JobEvent[] = []
  connections: Connection[] = []

  ticket: () => Promise<string | null> = async () => null
  open(path: string): WebSocket {
    const socket = new FakeSocket(path)
    this.sockets.push(socket)
    return socket as unknown as WebSocket
  }
  after(_ms: number, action: () => void): () => void {
    this.waiting.push(action)
    return () => {
      this.waiting = this.waiting.filter((one) => one !== action)
    }
  }
  random = () => 0.5

  async follow() {
    const { events, connections } = this
    const follower = follow(
      'job',
      { onEvent: (one) => events.push(one), onConnection: (one) => connections.push(one) },
      this,
    )
    await settled()
    return follower
  }
  /** The pause is over. */
  async waitNoMore() {
    this.waiting.pop()?.()
    await settled()
  }
  get socket(): FakeSocket {
    return this.sockets.at(-1) as FakeSocket
  }
}

/** A ticket is asked for before each connection. */
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
  says(event: object) {
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

test('a lost connection goes on behind the last cursor', async () => {
  const network = new Network()
  await network.follow()
  network.socket.accept()
  network.socket.says(output('1-0', 'a'))
  network.socket.drop()

  await network.waitNoMore()

  expect(network.connections.at(-2)).toMatchObject({ state: 'waiting' })
  expect(network.socket.path).toBe('/v1/jobs/job/stream?after=1-0')
})

test('the pause grows with each failure and begins anew with each event', async () => {
  const network = new Network()
  await network.follow()
  const pauses: number[] = []
  for (let count = 0; count < 3; count += 1) {
    network.socket.drop()
    pauses.push((network.connections.at(-1) as { retryMs: number }).retryMs)
    await network.waitNoMore()
  }
  network.socket.accept()
  network.socket.says(output('1-0', 'a'))
  network.socket.drop()

  expect(pauses).toEqual([...pauses].sort((one, other) => one - other))
  expect(network.connections.at(-1)).toEqual({ state: 'waiting', retryMs: pauses[0] })
})

test('after the end nothing is tried again', async () => {
  const network = new Network()
  await network.follow()
  network.socket.accept()
  network.socket.says(finished)
  network.socket.drop(1000)

  expect(network.connections.at(-1)).toEqual({ state: 'ended' })
  expect(network.waiting).toEqual([])
})

test('a job that is not there is told, with the server’s words', async () => {
  const network = new Network()
  await network.follow()
  network.socket.accept()
  network.socket.says({
    type: 'error',
    problem: { type: '/problems/job-not-found', title: 'gone', status: 404 },
  })
  network.socket.drop(4404)

  expect(network.connections.at(-1)).toMatchObject({ state: 'refused', problem: { status: 404 } })
})

test('what is typed while there is no connection is sent with the next one, in order and in parts', async () => {
  const network = new Network()
  const follower = await network.follow()
  follower.send({ type: 'stdin', data: 'x'.repeat(20_000) })
  follower.send({ type: 'eof' })

  network.socket.accept()

  const types = network.socket.sent.map((message) => (message as { type: string }).type)
  expect(types).toEqual(['stdin', 'stdin', 'stdin', 'eof'])
})

test('bytes that are no text come through', async () => {
  const network = new Network()
  await network.follow()
  network.socket.accept()
  network.socket.says({ ...output('1-0', '/w=='), encoding: 'base64' })

  expect(network.events).toMatchObject([{ bytes: Uint8Array.of(255) }])
})

test('what is no message of the protocol is passed over', async () => {
  const network = new Network()
  await network.follow()
  network.socket.accept()
  network.socket.says({ type: 'news', cursor: '1-0' })
  network.socket.onmessage({ data: 'no json' })

  expect(network.events).toEqual([])
})

test('with a key each connection is opened with a ticket of its own', async () => {
  const network = new Network()
  let tickets = 0
  network.ticket = async () => `ticket-${++tickets}`
  await network.follow()
  network.socket.accept()
  network.socket.says(output('1-0', 'a'))
  network.socket.drop()

  await network.waitNoMore()

  expect(network.sockets.map(({ path }) => path)).toEqual([
    '/v1/jobs/job/stream?ticket=ticket-1',
    '/v1/jobs/job/stream?after=1-0&ticket=ticket-2',
  ])
})

test('a key that is none is told and not tried for ever; a server that is away is', async () => {
  const network = new Network()
  const problem = { type: '/problems/not-authenticated', title: 'no', status: 401, detail: '', field: null }
  const refusals = [new Unreachable('away'), new Refused(problem, null)]
  network.ticket = () => Promise.reject(refusals.shift())

  await network.follow()
  expect(network.connections.at(-1)).toMatchObject({ state: 'waiting' })
  await network.waitNoMore()

  expect(network.connections.at(-1)).toMatchObject({ state: 'refused', problem })
  expect(network.waiting).toEqual([])
})
