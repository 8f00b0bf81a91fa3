/** A position in a file of the program. Line and column count from 1. */
export interface SourceLocation {
  file: string
  line: number
  column: number
}

/** An error or warning of a compiler or interpreter. */
export interface Diagnostic extends SourceLocation {
  /** Where it ends. By default, at the end of the line. */
  endLine?: number
  endColumn?: number
  severity: 'error' | 'warning'
  message: string
}
