/** A client of Pyright, which runs in a worker of the browser and speaks the Language Server Protocol. */
import type { SourceFile } from '../program/program'

/** The part of a Worker that the client uses; tests replace it. */
export interface PyrightWorker {
  onmessage: ((event: MessageEvent) => void) | null
  postMessage(message: unknown, transfer?: Transferable[]): void
  terminate(): void
}

/** Positions count from 0. */
export interface LspPosition {
  line: number
  character: number
}

interface RpcMessage {
  id?: number | string
  method?: string
  params?: { items?: unknown[] }
  result?: unknown
  error?: { message: string }
}

/** Pyright asks for another worker, in which it analyses files. */
interface WorkerRequest {
  type: 'browser/newWorker'
  initialData: unknown
  port: MessagePort
}

const ROOT = '/program'
const TIMEOUT_MS = 10_000

/** The type declarations of the standard library are inside the worker's script. Errors are those of Ruff only. */
const CONFIGURATION = { typeshedPath: '/typeshed', pythonPlatform: 'Linux', typeCheckingMode: 'off' }

const CAPABILITIES = {
  textDocument: {
    completion: { completionItem: { documentationFormat: ['plaintext'] } },
    hover: { contentFormat: ['plaintext'] },
    signatureHelp: { signatureInformation: { documentationFormat: ['plaintext'] } },
  },
  workspace: { configuration: true },
}

export class PyrightClient {
  private readonly workers: PyrightWorker[] = []
  private readonly worker: PyrightWorker
  private readonly pending = new Map<number, { resolve(result: unknown): void; reject(error: Error): void }>()
  private readonly documents = new Map<string, { text: string; version: number }>()
  private lastId = 0

  constructor(private readonly createWorker: () => PyrightWorker) {
    this.worker = this.startWorker({ type: 'browser/boot', mode: 'foreground' })
  }

  /** Starts the server. Call it once before other methods. */
  async initialize(): Promise<void> {
    await this.request('initialize', {
      processId: null,
      rootUri: `file://${ROOT}`,
      workspaceFolders: [{ name: 'program', uri: `file://${ROOT}` }],
      initializationOptions: { files: { [`${ROOT}/pyrightconfig.json`]: JSON.stringify(CONFIGURATION) } },
      capabilities: CAPABILITIES,
    })
    this.notify('initialized', {})
    this.notify('workspace/didChangeConfiguration', { settings: {} })
  }

  /** Makes the documents of the server those of the program. Other files than Python's are ignored. */
  setFiles(files: readonly SourceFile[]): void {
    const python = files.filter(({ name }) => name.endsWith('.py'))
    for (const name of this.documents.keys()) {
      if (!python.some((file) => file.name === name)) this.closeDocument(name)
    }
    for (const { name, content } of python) this.openDocument(name, content)
  }

  /** Sends a request about a position in a file. Throws an Error if the server fails or does not respond in time. */
  requestAt(method: string, fileName: string, position: LspPosition): Promise<unknown> {
    return this.request(`textDocument/${method}`, { textDocument: { uri: fileUri(fileName) }, position })
  }

  request(method: string, params: unknown): Promise<unknown> {
    this.lastId += 1
    const id = this.lastId
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.pending.delete(id)
        reject(new Error(`${method} took longer than ${TIMEOUT_MS / 1000} s`))
      }, TIMEOUT_MS)
      this.pending.set(id, {
        resolve: (result) => {
          clearTimeout(timer)
          resolve(result)
        },
        reject: (error) => {
          clearTimeout(timer)
          reject(error)
        },
      })
      this.send(this.worker, { id, method, params })
    })
  }

  close(): void {
    for (const worker of this.workers) worker.terminate()
    for (const { reject } of this.pending.values()) reject(new Error('the server was stopped'))
    this.pending.clear()
  }

  private openDocument(name: string, text: string): void {
    const uri = fileUri(name)
    const open = this.documents.get(name)
    if (open?.text === text) return
    if (open === undefined) {
      this.documents.set(name, { text, version: 1 })
      this.notify('pyright/createFile', { uri })
      this.notify('textDocument/didOpen', { textDocument: { uri, languageId: 'python', version: 1, text } })
      return
    }
    open.text = text
    open.version += 1
    this.notify('textDocument/didChange', {
      textDocument: { uri, version: open.version },
      contentChanges: [{ text }],
    })
  }

  private closeDocument(name: string): void {
    this.documents.delete(name)
    this.notify('textDocument/didClose', { textDocument: { uri: fileUri(name) } })
    this.notify('pyright/deleteFile', { uri: fileUri(name) })
  }

  private notify(method: string, params: unknown): void {
    this.send(this.worker, { method, params })
  }

  private startWorker(boot: object, transfer: Transferable[] = []): PyrightWorker {
    const worker = this.createWorker()
    this.workers.push(worker)
    worker.onmessage = ({ data }) => this.onMessage(worker, data)
    worker.postMessage(boot, transfer)
    return worker
  }

  private onMessage(worker: PyrightWorker, message: RpcMessage | WorkerRequest): void {
    if ('type' in message) {
      const { initialData, port } = message
      this.startWorker({ type: 'browser/boot', mode: 'background', initialData, port }, [port])
    } else if (message.method !== undefined && message.id !== undefined) {
      const result =
        message.method === 'workspace/configuration' ? message.params?.items?.map(() => ({})) : null
      this.send(worker, { id: message.id, result })
    } else if (message.method === undefined) {
      const pending = this.pending.get(Number(message.id))
      this.pending.delete(Number(message.id))
      if (message.error) pending?.reject(new Error(message.error.message))
      else pending?.resolve(message.result)
    }
  }

  private send(worker: PyrightWorker, message: object): void {
    worker.postMessage({ jsonrpc: '2.0', ...message })
  }
}

function fileUri(name: string): string {
  return `file://${ROOT}/${name.split('/').map(encodeURIComponent).join('/')}`
}
