/** Requests to the worker with the linter and the formatters. No text leaves the browser. */
import type { LintMessage, ToolRequest, ToolResponse } from './protocol'
import ToolsWorker from './toolsWorker?worker'

/** A formatter is loaded and compiled when it is first used. */
const TIMEOUT_MS = 30_000

let worker: Worker | null = null
let lastId = 0

/** Returns the problems that the linter finds. Throws an Error if the worker fails. */
export async function lint(languageId: string, fileName: string, text: string): Promise<LintMessage[]> {
  const response = await request({ tool: 'lint', languageId, fileName, text })
  return response.tool === 'lint' ? response.messages : []
}

/** Returns the formatted text. Throws an Error with the message of the formatter if the text has a syntax error. */
export async function format(languageId: string, fileName: string, text: string): Promise<string> {
  const response = await request({ tool: 'format', languageId, fileName, text })
  return response.tool === 'format' ? response.text : text
}

function request(message: Omit<ToolRequest, 'id'>): Promise<ToolResponse> {
  const id = ++lastId
  worker ??= new ToolsWorker()
  const current = worker
  return new Promise((resolve, reject) => {
    const finish = () => {
      clearTimeout(timer)
      current.removeEventListener('message', onMessage)
      current.removeEventListener('error', onError)
    }
    const onMessage = ({ data }: MessageEvent<ToolResponse>) => {
      if (data.id !== id) return
      finish()
      if (data.tool === 'failed') reject(new Error(data.message))
      else resolve(data)
    }
    const onError = () => {
      finish()
      worker = null
      reject(new Error('the tool could not be loaded. Reload the page when you are online'))
    }
    const timer = setTimeout(() => {
      current.terminate()
      onError()
    }, TIMEOUT_MS)
    current.addEventListener('message', onMessage)
    current.addEventListener('error', onError)
    current.postMessage({ ...message, id })
  })
}
