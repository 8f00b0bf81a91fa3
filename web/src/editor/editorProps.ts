import type { Diagnostic, SourceLocation } from '../program/sourceLocation'

/** The properties of both editors: the text area and Monaco. */
export interface EditorProps {
  /** Identifies the document. Each path has its own undo history. */
  path: string
  /** The id that `syntaxId` returns. */
  languageId: string
  value: string
  /** Increases when `value` was changed by another tab. */
  followedEdits: number
  diagnostics: Diagnostic[]
  /** The location to show; a new object for each request. */
  target: SourceLocation | null
  onChange(value: string): void
}
