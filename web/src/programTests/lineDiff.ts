/** The differences between the expected and the actual output of a test, compared as the server does. */
import { diffArrays } from 'diff'

export interface DiffLine {
  /** `missing` is only expected, `extra` is only actual, and `gap` replaces unchanged lines. */
  kind: 'same' | 'missing' | 'extra' | 'gap'
  text: string
}

const CONTEXT_LINES = 3
const MAX_LINES = 400
// The shortest difference of two unrelated texts takes very long to compute and is not useful.
const MAX_EDITS = 1000

/** Returns at most 400 lines. Blanks at the end of a line and at the end of the text are ignored. */
export function lineDiff(expected: string, actual: string): DiffLine[] {
  const expectedLines = splitLines(expected)
  const actualLines = splitLines(actual)
  const changes = diffArrays(expectedLines, actualLines, { maxEditLength: MAX_EDITS })
  const lines = changes
    ? changes.flatMap(({ added, removed, value }) =>
        value.map(toDiffLine(added ? 'extra' : removed ? 'missing' : 'same')),
      )
    : [...expectedLines.map(toDiffLine('missing')), ...actualLines.map(toDiffLine('extra'))]
  return collapseUnchanged(lines).slice(0, MAX_LINES)
}

function splitLines(text: string): string[] {
  const trimmed = text.trimEnd()
  return trimmed === '' ? [] : trimmed.split('\n').map((line) => line.trimEnd())
}

function toDiffLine(kind: DiffLine['kind']): (text: string) => DiffLine {
  return (text) => ({ kind, text })
}

/** Replaces the unchanged lines that are far from any difference. */
function collapseUnchanged(lines: DiffLine[]): DiffLine[] {
  const isNear = lines.map((_, at) =>
    lines.slice(Math.max(0, at - CONTEXT_LINES), at + CONTEXT_LINES + 1).some(({ kind }) => kind !== 'same'),
  )
  const collapsed: DiffLine[] = []
  let skipped = 0
  lines.forEach((line, at) => {
    if (!isNear[at]) skipped += 1
    if (skipped > 0 && (isNear[at] || at === lines.length - 1)) {
      collapsed.push({ kind: 'gap', text: `${skipped} unchanged ${skipped === 1 ? 'line' : 'lines'}` })
      skipped = 0
    }
    if (isNear[at]) collapsed.push(line)
  })
  return collapsed
}
