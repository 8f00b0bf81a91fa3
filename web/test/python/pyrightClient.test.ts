import fc from 'fast-check'
import { expect, test, vi } from 'vitest'
import { PyrightClient, type PyrightWorker } from '../../src/python/pyrightClient'

interface Sent {
  id?: number | string
  type?: string
  method?: string
  params?: Record<string, unknown>
  result?: unknown
}

/** A worker whose messages the test reads and answers. */
class FakeWorker implements PyrightWorker {
  onmessage: ((event: MessageEvent) => void) | null = null
  sent: Sent[] = []
  terminate = vi.fn()
  postMessage(message: unknown): void {
    this.sent.push(message as Sent)
  }
  receive(data: unknown): void {
    this.onmessage?.({ data } as MessageEvent)
  }
  methods(): string[] {
    return this.sent.flatMap(({ method }) => method ?? [])
  }
}

function startClient() {
  const workers: FakeWorker[] = []
  const client = new PyrightClient(() => {
    const worker = new FakeWorker()
    workers.push(worker)
    return worker
  })
  return { client, workers, server: workers[0] as FakeWorker }
}

test('initialize starts the server and configures it', async () => {
  const { client, server } = startClient()
  const initialized = client.initialize()
  expect(server.sent[0]).toEqual({ type: 'browser/boot', mode: 'foreground' })
  server.receive({ id: 1, result: { capabilities: {} } })
  await initialized
  expect(server.methods()).toEqual(['initialize', 'initialized', 'workspace/didChangeConfiguration'])
})

test('request resolves with its own response, and rejects with an error of the server', async () => {
  const { client, server } = startClient()
  const first = client.requestAt('hover', 'main.py', { line: 0, character: 1 })
  const second = client.requestAt('hover', 'ä b.py', { line: 0, character: 1 })
  expect(server.sent.at(-1)?.params).toEqual({
    textDocument: { uri: 'file:///program/%C3%A4%20b.py' },
    position: { line: 0, character: 1 },
  })
  server.receive({ id: 2, error: { message: 'no' } })
  server.receive({ id: 1, result: 'one' })
  await expect(first).resolves.toBe('one')
  await expect(second).rejects.toThrow('no')
})

test('request rejects if the server does not respond', async () => {
  vi.useFakeTimers()
  const { client } = startClient()
  const response = expect(client.request('x', {})).rejects.toThrow('longer than 10 s')
  await vi.advanceTimersByTimeAsync(10_000)
  await response
  vi.useRealTimers()
})

test('requests of the server get a response', () => {
  const { server } = startClient()
  server.receive({ id: 'a', method: 'workspace/configuration', params: { items: [{}, {}] } })
  server.receive({ id: 'b', method: 'client/registerCapability', params: {} })
  expect(server.sent.slice(1)).toMatchObject([
    { id: 'a', result: [{}, {}] },
    { id: 'b', result: null },
  ])
})

test('server can start another worker, and close terminates both', () => {
  const { client, workers, server } = startClient()
  server.receive({ type: 'browser/newWorker', initialData: 'data', port: 'port' })
  expect(workers[1]?.sent).toEqual([
    { type: 'browser/boot', mode: 'background', initialData: 'data', port: 'port' },
  ])
  client.close()
  for (const worker of workers) expect(worker.terminate).toHaveBeenCalled()
})

test('documents of the server are always the Python files of the program', () => {
  const file = fc.record({
    name: fc.constantFrom('main.py', 'a.py', 'b/c.py', 'data.txt'),
    content: fc.constantFrom('', 'x', 'y'),
  })
  const program = fc.uniqueArray(file, { selector: ({ name }) => name, maxLength: 4 })
  fc.assert(
    fc.property(fc.array(program, { maxLength: 6 }), (programs) => {
      const { client, server } = startClient()
      for (const files of programs) client.setFiles(files)
      const expected = (programs.at(-1) ?? []).filter(({ name }) => name.endsWith('.py'))
      expect(replay(server.sent)).toEqual(
        new Map(expected.map(({ name, content }) => [`file:///program/${name}`, content])),
      )
    }),
  )
})

/** Returns the documents that a server with these messages has. Fails if a message contradicts an earlier one. */
function replay(sent: Sent[]): Map<string, string> {
  const documents = new Map<string, { text: string; version: number }>()
  for (const { method, params } of sent) {
    const document = params?.textDocument as { uri: string; text: string; version: number } | undefined
    if (method === 'textDocument/didOpen' && document) {
      expect(documents.has(document.uri)).toBe(false)
      documents.set(document.uri, document)
    } else if (method === 'textDocument/didChange' && document) {
      expect(document.version).toBeGreaterThan(
        documents.get(document.uri)?.version ?? Number.POSITIVE_INFINITY,
      )
      const [change] = (params?.contentChanges ?? []) as { text: string }[]
      documents.set(document.uri, { text: change?.text ?? '', version: document.version })
    } else if (method === 'textDocument/didClose' && document) {
      expect(documents.delete(document.uri)).toBe(true)
    }
  }
  return new Map([...documents].map(([uri, { text }]) => [uri, text]))
}
