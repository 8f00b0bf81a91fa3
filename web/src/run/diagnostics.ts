/** Finds source locations, errors and warnings in the output of interpreters and compilers. */
import type { Diagnostic, SourceLocation } from '../program/sourceLocation'

/** A source location and its position in the text: columns from `start` up to but not `end`, from 0. */
export interface LocationMatch extends SourceLocation {
  start: number
  end: number
}

/** The forms of a source location, with the groups `file`, `line` and optionally `column`. */
const LOCATION_PATTERNS = [
  /File "(?<file>[^"\n]+)", line (?<line>\d+)/g, // Python
  /(?<file>[^\s:"'()]+): line (?<line>\d+)/g, // Bash
  /(?<file>[^\s:"'()]+):(?<line>\d+)(?::(?<column>\d+))?/g, // C, C++, JavaScript and most others
]
// biome-ignore lint/suspicious/noControlCharactersInRegex: matches escape sequences
const ANSI = /\x1b\[[0-9;?]*[ -/]*[@-~]/g
const COMPILER =
  /^(?<file>[^\s:]+):(?<line>\d+)(?::(?<column>\d+))?: (?:fatal )?(?<severity>error|warning): (?<message>.+)$/
const SHELL = /^(?<file>[^\s:]+): line (?<line>\d+): (?<message>.+)$/
const EXCEPTION = /^(?:Uncaught )?(?<message>[A-Z]\w*(?:Error|Exception|Interrupt|Exit)\b.*)$/
const MAX_DIAGNOSTICS = 100

/** Returns the locations in a line of output that are in one of these files. */
export function findLocations(text: string, files: string[]): LocationMatch[] {
  const matches: LocationMatch[] = []
  for (const pattern of LOCATION_PATTERNS) {
    for (const match of text.matchAll(pattern)) {
      const location = locationOf(match, files)
      const start = match.index
      const end = start + match[0].length
      const isNew = matches.every((other) => end <= other.start || start >= other.end)
      if (location && isNew) matches.push({ ...location, start, end })
    }
  }
  return matches.sort((a, b) => a.start - b.start)
}

/** Returns the messages of compilers, and exceptions with the innermost location in one of these files. */
export function findDiagnostics(output: string, files: string[]): Diagnostic[] {
  const diagnostics: Diagnostic[] = []
  let last: SourceLocation | null = null
  for (const rawLine of output.split('\n')) {
    const text = rawLine.replace(ANSI, '').trimEnd()
    const diagnostic = parseDiagnostic(text, files)
    if (diagnostic) diagnostics.push(diagnostic)
    const exception = EXCEPTION.exec(text)?.groups?.message
    if (exception && last) {
      const { file, line, column } = last
      diagnostics.push({ file, line, column, severity: 'error', message: exception })
      last = null
    }
    last = findLocations(text, files)[0] ?? last
    if (diagnostics.length >= MAX_DIAGNOSTICS) break
  }
  return diagnostics
}

function parseDiagnostic(text: string, files: string[]): Diagnostic | null {
  const match = COMPILER.exec(text) ?? SHELL.exec(text)
  const location = match && locationOf(match, files)
  if (!location) return null
  const severity = match.groups?.severity === 'warning' ? 'warning' : 'error'
  return { ...location, severity, message: match.groups?.message ?? '' }
}

function locationOf(match: RegExpMatchArray, files: string[]): SourceLocation | null {
  const file = match.groups?.file?.replace(/^(file:\/\/)?\/work\//, '').replace(/^\.\//, '')
  if (!file || !files.includes(file)) return null
  return { file, line: Number(match.groups?.line), column: Number(match.groups?.column ?? 1) }
}
