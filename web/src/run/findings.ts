/** Places of the program that its output names: where a traceback passes, where a compiler complains. */
import type { Finding, Place } from '../editor/place'

export interface Mention extends Place {
  /** Where it stands in the text, from 0. */
  start: number
  end: number
}

/** How interpreters and compilers name a place; each has groups `file`, `line`, perhaps `column`. */
const MENTIONS = [
  /File "(?<file>[^"\n]+)", line (?<line>\d+)/g, // Python
  /(?<file>[^\s:"'()]+): line (?<line>\d+)/g, // bash
  /(?<file>[^\s:"'()]+):(?<line>\d+)(?::(?<column>\d+))?/g, // C, C++, JavaScript and most others
]
// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for
const ANSI = /\x1b\[[0-9;?]*[ -/]*[@-~]/g
const COMPILER =
  /^(?<file>[^\s:]+):(?<line>\d+)(?::(?<column>\d+))?: (?:fatal )?(?<severity>error|warning): (?<message>.+)$/
const SHELL = /^(?<file>[^\s:]+): line (?<line>\d+): (?<message>.+)$/
const THROWN = /^(?:Uncaught )?(?<message>[A-Z]\w*(?:Error|Exception|Interrupt|Exit)\b.*)$/
const MOST_FINDINGS = 100

/** Every place in one line of output that is in one of these files. */
export function mentions(text: string, files: string[]): Mention[] {
  const found: Mention[] = []
  for (const pattern of MENTIONS) {
    for (const match of text.matchAll(pattern)) {
      const place = placeOf(match, files)
      const start = match.index
      const end = start + match[0].length
      const isNew = found.every((other) => end <= other.start || start >= other.end)
      if (place && isNew) found.push({ ...place, start, end })
    }
  }
  return found.sort((one, other) => one.start - other.start)
}

/** What the output says about the program: each complaint of a compiler, and where an exception came from. */
export function findings(output: string, files: string[]): Finding[] {
  const found: Finding[] = []
  let last: Place | null = null
  for (const raw of output.split('\n')) {
    const line = raw.replace(ANSI, '').trimEnd()
    const complaint = complaintOf(line, files)
    if (complaint) found.push(complaint)
    const thrown = THROWN.exec(line)?.groups?.message
    if (thrown && last) {
      const { file, line: number, column } = last
      found.push({ file, line: number, column, severity: 'error', message: thrown })
      last = null
    }
    last = mentions(line, files)[0] ?? last
    if (found.length >= MOST_FINDINGS) break
  }
  return found
}

function complaintOf(line: string, files: string[]): Finding | null {
  const match = COMPILER.exec(line) ?? SHELL.exec(line)
  const place = match && placeOf(match, files)
  if (!place) return null
  const severity = match.groups?.severity === 'warning' ? 'warning' : 'error'
  return { ...place, severity, message: match.groups?.message ?? '' }
}

function placeOf(match: RegExpMatchArray, files: string[]): Place | null {
  const named = match.groups?.file?.replace(/^(file:\/\/)?\/work\//, '').replace(/^\.\//, '')
  if (!named || !files.includes(named)) return null
  return { file: named, line: Number(match.groups?.line), column: Number(match.groups?.column ?? 1) }
}
