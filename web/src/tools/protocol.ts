/** The messages between the page and the worker with the linter and the formatters. */

export interface ToolRequest {
  id: number
  tool: 'lint' | 'format'
  languageId: string
  fileName: string
  text: string
}

/** Positions count from 1. */
export interface LintMessage {
  line: number
  column: number
  endLine: number
  endColumn: number
  message: string
  severity: 'error' | 'warning'
}

export type ToolResponse =
  | { id: number; tool: 'lint'; messages: LintMessage[] }
  | { id: number; tool: 'format'; text: string }
  | { id: number; tool: 'failed'; message: string }

/** The languages that the worker can lint and format, by the id that `syntaxId` returns. */
export const LINTED_LANGUAGES = new Set(['python'])
export const FORMATTED_LANGUAGES = new Set([
  'bash',
  'c',
  'clojure',
  'cpp',
  'csharp',
  'go',
  'java',
  'javascript',
  'lua',
  'objectivec',
  'php',
  'python',
  'sqlite',
  'typescript',
  'zig',
])
