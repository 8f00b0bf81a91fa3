/** What is edited and submitted: the files of one program, and how it is to be run. */
import * as v from 'valibot'
import type { Language } from '../api/schema'
import { Case, MOST_CASES } from './cases'

export const LIMIT_NAMES = [
  'wall_seconds',
  'cpu_seconds',
  'memory_bytes',
  'processes',
  'output_bytes',
  'disk_bytes',
  'open_files',
] as const

/** `terminal`: the program has a terminal. `lines`: it has pipes, what is typed goes line by line. `text`: it has pipes, and its input was given beforehand. */
export const INPUTS = ['terminal', 'lines', 'text'] as const

/** What is given back unless something else is asked for: a plot appears by itself. */
export const PICTURES = '*.png *.jpg *.jpeg *.gif *.svg'

export const SourceFile = v.object({ name: v.string(), content: v.string() })

export const Program = v.object({
  files: v.pipe(v.array(SourceFile), v.minLength(1), v.maxLength(64)),
  args: v.optional(v.string(), ''),
  input: v.optional(v.picklist(INPUTS), 'terminal'),
  stdin: v.optional(v.string(), ''),
  limits: v.optional(v.record(v.picklist(LIMIT_NAMES), v.number()), {}),
  /** Patterns of the files to give back, as on a command line. */
  artifacts: v.optional(v.string(), PICTURES),
  tests: v.optional(v.pipe(v.array(Case), v.maxLength(MOST_CASES)), []),
})

export type SourceFile = v.InferOutput<typeof SourceFile>
export type Input = (typeof INPUTS)[number]
export type Program = v.InferOutput<typeof Program>
export type LimitName = (typeof LIMIT_NAMES)[number]

/** A first program of a language. */
export function template(language: Language): Program {
  return {
    files: [{ name: language.file_name, content: language.template.replace(/^\n/, '') }],
    args: '',
    input: 'terminal',
    stdin: '',
    limits: {},
    artifacts: PICTURES,
    tests: [],
  }
}

/** A name for one more file that is not taken yet, with the ending of the first. */
export function freeName(files: SourceFile[]): string {
  const ending = /\.[^.]+$/.exec(files[0]?.name ?? '')?.[0] ?? ''
  const taken = new Set(files.map((file) => file.name))
  for (let count = files.length + 1; ; count += 1) {
    const name = `file${count}${ending}`
    if (!taken.has(name)) return name
  }
}
