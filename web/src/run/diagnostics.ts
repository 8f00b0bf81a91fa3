/**
 * Finds source locations, errors and warnings in the output of interpreters and compilers.
 *
 * test/run/compilerMessages.ts contains the messages of the languages of the catalogue.
 */
import type { Diagnostic, SourceLocation } from '../program/sourceLocation'

/** A source location and its position in the text: columns from `start` up to but not `end`, from 0. */
export interface LocationMatch extends SourceLocation {
  start: number
  end: number
}

/** The forms of a source location, with the groups `file`, `line` and optionally `column`. */
const LOCATION_PATTERNS = [
  /File "(?<file>[^"\n]+)", line (?<line>\d+)(?:, characters (?<offset>\d+))?/g, // Python, OCaml
  /\(file "(?<file>[^"\n]+)" line (?<line>\d+)\)/g, // Tcl
  /(?<file>[^\s:"'()]+): line (?<line>\d+)/g, // Bash
  /\b(?:at|in) (?<file>[^\s:"'()]+) (?:on )?line (?<line>\d+)/g, // Perl, PHP, Raku
  /near line (?<line>\d+)(?:, column (?<column>\d+))? of file (?<file>[^\s:]+)/g, // Octave
  /(?<file>[^\s:"'()@]+)\((?<line>\d+)(?:, ?(?<column>\d+))?\)/g, // TypeScript, C#, Pascal, Nim, D
  /(?<file>[^\s:"'()]+):(?<line>\d+)(?::(?<column>\d+))?/g, // GCC, Clang, Go, Rust, JavaScript, Java, Lua, Ruby, Racket and most others
  /\bnear line (?<line>\d+)\b/g, // SQLite, which does not name the file
  /starting at line: (?<line>\d+), column: (?<column>\d+)/g, // SBCL, as well
]
// biome-ignore lint/suspicious/noControlCharactersInRegex: matches escape sequences
const ANSI = /\x1b\[[0-9;?]*[ -/]*[@-~]/g

const SEVERITY = String.raw`(?:fatal )?(?<severity>error|warning)(?:\[\w+\])?(?: [A-Z]+\d+)?`
/** Messages in one line. The location is that of LOCATION_PATTERNS. */
const MESSAGE_PATTERNS = [
  new RegExp(String.raw`^(?:;;; )?\S+:\d+(?::\d+)?: ${SEVERITY}: ?(?<message>.*)$`, 'i'), // GCC, Clang, javac, GHC, NASM, GnuCOBOL, Swift, Zig
  new RegExp(String.raw`^\S+\(\d+(?:, ?\d+)?\)(?: |: )${SEVERITY}: ?(?<message>.*)$`, 'i'), // TypeScript, C#, Pascal, Nim
  /^(?:ERROR: |Warning: )?(?:\.\/)?[^\s:]+:\d+:\d+: (?<message>[^\s].*)$/, // Go, Erlang, Prolog, Racket
  /^(?:lua[\d.]*: )?[^\s:]+:\d+:(?: |in [`'][^']*': )(?<message>[^\s].*)$/, // Lua, Ruby
  /^[^\s:]+: line \d+: (?<message>.+)$/, // Bash
  /^\w[\w.]*@[^\s:]+\(\d+\): (?<message>.+)$/, // D
  /^(?:PHP )?(?:Parse|Fatal) error: +(?<message>.+?) in \S+(?: on line \d+|:\d+)$/, // PHP
  /^(?<message>\S.*) at \S+ line \d+(?:, near .*|\.)?$/, // Perl
  /^(?<message>parse error) near line \d+/, // Octave
  /^(?:Parse error|Runtime error|Error):? near line \d+: (?<message>.+)$/, // SQLite
]
/** A message before its location. */
const HEADER_BEFORE = [
  /^(?<severity>error|warning)(?:\[\w+\])?: (?:Uncaught (?:\(in promise\) )?)?(?:Error: )?(?<message>.+)$/, // Rust, Elixir, Deno, Bun
  /^(?<message>panic: .+)$/, // Go
  /^\*\* \((?<kind>\w+)\) (?<message>.+)$/, // Elixir
  /^(?:Exception in thread "[^"]*"|Caused by:) (?<message>.+)$/, // Java, Kotlin, Scala
  /^(?:e|w): (?<message>.+)$/, // Kotlin
  /^Unhandled exception: (?<message>.+)$/, // Crystal
  /^ +(?<message>READ error .+)$/, // SBCL
]
/** A message after its location. */
const HEADER_AFTER = [
  /^(?:Uncaught )?(?<message>[A-Z][\w.]*(?:Error|Exception|Interrupt|Exit)\b.*)$/, // Python, JavaScript
  /^(?:Uncaught |Fatal )?Error: (?<message>.+)$/, // JavaScript, Fortran, OCaml, Nim, Crystal
]
/** A location whose message is the next line that is not blank. */
const MESSAGE_FOLLOWS = [
  /panicked at \S+:\d+:\d+:$/, // Rust
  /^Syntax error .*\(\S+:\d+:\d+\)\.$/, // Clojure
  new RegExp(String.raw`^\S+:\d+:\d+: ${SEVERITY}:(?: \[[\w-]+\])?(?: \[[^\]]*\])?$`, 'i'), // GHC
  /^-- (?:\[E\d+\] )?(?<title>[\w ]*Error): \S+:\d+:\d+ -+$/, // Scala
]
/** The line after a message: the first one of its stack. */
const STACK_START = /^(?: {4}while executing| {2}in \w+ .*at \S+ line \d+)$/ // Tcl, Raku
/** The line before a message. */
const MESSAGE_START = /^===SORRY!===/ // Raku
/** The files of Racket, Guile and SBCL, which count columns from 0. */
const ZERO_BASED_FILE = /\.(?:rkt|scm|lisp)$/
/** How many lines a message and its location are apart. */
const MAX_DISTANCE = 6
const MAX_DIAGNOSTICS = 100
/** A compiler writes less. A program that writes more must not block the page. */
const MAX_LINES = 10_000
const MAX_LINE_CHARACTERS = 1000

/** Returns the locations in a line of output that are in one of these files. */
export function findLocations(text: string, files: string[]): LocationMatch[] {
  if (!mayContainLocation(text, files)) return []
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

/** Most lines of an output contain no location. This check is much faster than the patterns. */
function mayContainLocation(text: string, files: string[]): boolean {
  return files.some((name) => text.includes(name)) || text.includes('line')
}

/** Returns the messages of compilers and interpreters, each with its location in one of these files. */
export function findDiagnostics(output: string, files: string[]): Diagnostic[] {
  const diagnostics: Diagnostic[] = []
  const lines = output
    .split('\n')
    .slice(-MAX_LINES)
    .map((line) => line.slice(0, MAX_LINE_CHARACTERS).replace(ANSI, '').trimEnd())
  let before: { message: string; severity: Diagnostic['severity']; index: number } | null = null
  let last: { location: SourceLocation; index: number } | null = null
  const add = (location: SourceLocation, severity: Diagnostic['severity'], message: string) => {
    const { file, line, column } = location
    const isKnown = diagnostics.some(
      (other) => other.file === file && other.line === line && other.message === message,
    )
    if (!isKnown && diagnostics.length < MAX_DIAGNOSTICS)
      diagnostics.push({ file, line, column, severity, message })
    before = null
    last = null
  }
  for (const [index, text] of lines.entries()) {
    const location: SourceLocation | undefined = findLocations(text, files)[0]
    if (location) {
      const follows = matchFirst(MESSAGE_FOLLOWS, text)
      const complete = follows ? null : matchFirst(MESSAGE_PATTERNS, text)
      if (follows) add(location, severityOf(follows), nextMessage(lines, index) || (follows.title ?? 'Error'))
      else if (complete) add(location, severityOf(complete), complete.message ?? '')
      else if (before && index - before.index <= MAX_DISTANCE) add(location, before.severity, before.message)
      else last = { location, index }
      continue
    }
    const after = matchFirst(HEADER_AFTER, text)
    if (after && last) {
      add(last.location, severityOf(after), after.message ?? '')
      continue
    }
    const isMessage = STACK_START.test(lines[index + 1] ?? '') || MESSAGE_START.test(lines[index - 1] ?? '')
    const header = isMessage ? { message: text } : (matchFirst(HEADER_BEFORE, text) ?? after)
    if (header) before = { message: header.message ?? '', severity: severityOf(header), index }
  }
  return diagnostics
}

function matchFirst(patterns: RegExp[], text: string): Record<string, string | undefined> | null {
  for (const pattern of patterns) {
    const match = pattern.exec(text)
    if (match) return match.groups ?? {}
  }
  return null
}

function severityOf({ severity }: Record<string, string | undefined>): Diagnostic['severity'] {
  return severity?.toLowerCase() === 'warning' ? 'warning' : 'error'
}

/** The first line of the message that follows a location, without bullets and the marks at the border. */
function nextMessage(lines: string[], index: number): string {
  const following = lines.slice(index + 1, index + 1 + MAX_DISTANCE)
  const text = following.map((line) => line.replace(/^[\s|•*]+/, '').trim())
  return (
    text.find(
      (line, at) =>
        line !== '' && !/^\d+ \||^\d+\s*\|/.test(following[at]?.trim() ?? '') && /\w{2}/.test(line),
    ) ?? ''
  )
}

function locationOf({ groups = {} }: RegExpMatchArray, files: string[]): SourceLocation | null {
  const named = groups.file
  // The patterns find `///work/main.js` in a URL with the scheme `file:`.
  const file = named === undefined ? files[0] : named.replace(/^(?:\/\/)?\/work\//, '').replace(/^\.\//, '')
  if (!file || !files.includes(file)) return null
  // OCaml counts characters from 0.
  const offset = groups.offset ?? (ZERO_BASED_FILE.test(file) ? groups.column : undefined)
  const column = offset === undefined ? Number(groups.column ?? 1) : Number(offset) + 1
  return { file, line: Number(groups.line), column }
}
