/** Completion, hover and signatures of Python in Monaco, from Pyright. Pyright is loaded after the first request. */
import PYRIGHT_URL from 'browser-basedpyright/dist/pyright.worker.js?url'
import { type editor, languages, type Position } from 'monaco-editor/editor'
import { currentProgram, useStore } from '../store'
import { CompletionList, Hover, markupText, parseResponse, SignatureHelp } from './lspSchemas'
import { PyrightClient } from './pyrightClient'

const LANGUAGE = 'python'

/** The kinds of the protocol, which counts from 1, in the order of its specification. */
const { CompletionItemKind } = languages
const KINDS = [
  'Text', 'Method', 'Function', 'Constructor', 'Field', 'Variable', 'Class', 'Interface', 'Module', 'Property', 'Unit',
  'Value', 'Enum', 'Keyword', 'Snippet', 'Color', 'File', 'Reference', 'Folder', 'EnumMember', 'Constant', 'Struct',
  'Event', 'Operator', 'TypeParameter',
] as const // biome-ignore format: one line for each kind would be long

/** Loading takes seconds of processor time. It starts in the first pause of this length, or after the longest delay. */
const PAUSE_MS = 700
const MAX_DELAY_MS = 5000

/** Pyright needs more than 100 ms for a request about a longer file, and slows down typing meanwhile. */
const MAX_LINES = 2000

let loading: Promise<PyrightClient> | null = null
let client: PyrightClient | null = null
let requestedAt = 0

export function registerPython(): void {
  languages.registerCompletionItemProvider(LANGUAGE, {
    triggerCharacters: ['.'],
    provideCompletionItems: async (model, position) => {
      const word = model.getWordUntilPosition(position)
      const isMember = model.getLineContent(position.lineNumber)[word.startColumn - 2] === '.'
      if (model.getLineCount() > MAX_LINES && !isMember) return null
      const list = parseResponse(CompletionList, await request('completion', model, position))
      if (list === null) return null
      const range = {
        startLineNumber: position.lineNumber,
        endLineNumber: position.lineNumber,
        startColumn: word.startColumn,
        endColumn: word.endColumn,
      }
      return {
        suggestions: list.items.map(({ label, kind, detail, sortText, insertText }) => ({
          label,
          kind: CompletionItemKind[KINDS[kind - 1] ?? 'Text'],
          insertText: insertText ?? label,
          range,
          ...(detail && { detail }),
          ...(sortText && { sortText }),
        })),
      }
    },
  })
  languages.registerHoverProvider(LANGUAGE, {
    provideHover: async (model, position) => {
      const hover = parseResponse(Hover, await request('hover', model, position))
      return hover && { contents: [{ value: codeBlock(markupText(hover.contents)) }] }
    },
  })
  languages.registerSignatureHelpProvider(LANGUAGE, {
    signatureHelpTriggerCharacters: ['(', ','],
    provideSignatureHelp: async (model, position) => {
      const help = parseResponse(SignatureHelp, await request('signatureHelp', model, position))
      if (help === null || help.signatures.length === 0) return null
      const active = help.activeSignature ?? 0
      return {
        value: {
          activeSignature: active,
          activeParameter: help.signatures[active]?.activeParameter ?? help.activeParameter ?? 0,
          signatures: help.signatures.map(({ label, documentation, parameters }) => ({
            label,
            documentation: markupText(documentation),
            parameters,
          })),
        },
        dispose: () => {},
      }
    },
  })
}

/** Returns null while Pyright is being loaded, so that Monaco completes words meanwhile, and if Pyright fails. */
async function request(method: string, model: editor.ITextModel, position: Position): Promise<unknown> {
  if (client === null) {
    requestedAt = performance.now()
    loading ??= pauseInTyping().then(load)
    loading.catch(() => {}) // Without Pyright, the editor completes words.
    return null
  }
  // The text of the model is newer than that of the program.
  const name = model.uri.path.split('/').slice(3).join('/')
  const { files } = currentProgram(useStore.getState())
  client.setFiles(files.map((file) => (file.name === name ? { ...file, content: model.getValue() } : file)))
  const { lineNumber, column } = position
  return client.requestAt(method, name, { line: lineNumber - 1, character: column - 1 }).catch(() => null)
}

/** Resolves when no request has arrived for PAUSE_MS, after MAX_DELAY_MS at the latest. */
async function pauseInTyping(): Promise<void> {
  const latest = performance.now() + MAX_DELAY_MS
  for (;;) {
    const now = performance.now()
    const resumesAt = Math.min(requestedAt + PAUSE_MS, latest)
    if (now >= resumesAt) return
    await new Promise((resolve) => setTimeout(resolve, resumesAt - now))
  }
}

async function load(): Promise<PyrightClient> {
  const started = new PyrightClient(() => new Worker(PYRIGHT_URL))
  await started.initialize()
  client = started
  return started
}

/** Pyright's texts are not Markdown. */
function codeBlock(text: string): string {
  return `\`\`\`python\n${text.replaceAll('```', '` ` `')}\n\`\`\``
}
