/** What a program wrote beside what was expected of it, line by line, as the server compares it. */
import { diffArrays } from 'diff'

export interface DiffLine {
  /** `missing` was expected and not written, `extra` the other way round; `gap` stands for lines that are alike. */
  kind: 'same' | 'missing' | 'extra' | 'gap'
  text: string
}

const CONTEXT_LINES = 3
const MOST_LINES = 400
// Finding the shortest difference of two texts that have nothing in common takes for ever and shows nothing.
const MOST_EDITS = 1000

/** At most 400 lines; blanks at the ends of lines and of the text do not count. */
export function lineDiff(expected: string, written: string): DiffLine[] {
  const wanted = linesOf(expected)
  const got = linesOf(written)
  const changes = diffArrays(wanted, got, { maxEditLength: MOST_EDITS })
  const lines = changes
    ? changes.flatMap(({ added, removed, value }) => {
        const kind = added ? 'extra' : removed ? 'missing' : 'same'
        return value.map((text): DiffLine => ({ kind, text }))
      })
    : [...wanted.map(lineOf('missing')), ...got.map(lineOf('extra'))]
  return shortened(lines).slice(0, MOST_LINES)
}

function linesOf(text: string): string[] {
  const trimmed = text.trimEnd()
  return trimmed === '' ? [] : trimmed.split('\n').map((line) => line.trimEnd())
}

function lineOf(kind: DiffLine['kind']): (text: string) => DiffLine {
  return (text) => ({ kind, text })
}

/** Leaves out what is alike and far from any difference. */
function shortened(lines: DiffLine[]): DiffLine[] {
  const isNear = lines.map((_, at) =>
    lines.slice(Math.max(0, at - CONTEXT_LINES), at + CONTEXT_LINES + 1).some(({ kind }) => kind !== 'same'),
  )
  const kept: DiffLine[] = []
  let left = 0
  lines.forEach((line, at) => {
    if (!isNear[at]) left += 1
    if (left > 0 && (isNear[at] || at === lines.length - 1)) {
      kept.push({ kind: 'gap', text: `${left} ${left === 1 ? 'line' : 'lines'} alike` })
      left = 0
    }
    if (isNear[at]) kept.push(line)
  })
  return kept
}
