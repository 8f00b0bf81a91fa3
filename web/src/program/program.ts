/** What is edited and submitted: the files of one program, and how it is to be run. */
import * as v from 'valibot'
import type { Language, Submission } from '../api/schema'
import { splitArguments } from './arguments'

export const LIMIT_NAMES = [
  'wall_seconds',
  'cpu_seconds',
  'memory_bytes',
  'processes',
  'output_bytes',
  'disk_bytes',
  'open_files',
] as const

export const SourceFile = v.object({ name: v.string(), content: v.string() })

export const Program = v.object({
  files: v.pipe(v.array(SourceFile), v.minLength(1), v.maxLength(64)),
  args: v.optional(v.string(), ''),
  /** `terminal`: typed while it runs. `text`: given beforehand, all at once. */
  input: v.optional(v.picklist(['terminal', 'text']), 'terminal'),
  stdin: v.optional(v.string(), ''),
  limits: v.optional(v.record(v.picklist(LIMIT_NAMES), v.number()), {}),
})

export type SourceFile = v.InferOutput<typeof SourceFile>
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
  }
}

/** What a run of this program may take: what it asks for, else what its language gives. */
export function limitsInForce(language: Language, program: Program): Record<string, number> {
  const defaults = Object.entries(language.limits).map(([name, limit]) => [name, limit.default])
  return { ...Object.fromEntries(defaults), ...program.limits }
}

/** The job that runs a program. */
export function submission(language: string, program: Program): Submission {
  const args = splitArguments(program.args)
  const limits = program.limits as Record<string, number>
  return {
    language,
    files: program.files,
    ...(args.length > 0 && { args }),
    ...(Object.keys(limits).length > 0 && { limits }),
    ...(program.input === 'terminal' ? { interactive: true } : { stdin: program.stdin }),
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

/** Why a file cannot be called this; null when it can. The server has the last word. */
export function whyNotName(name: string, others: string[]): string | null {
  if (name.trim() === '') return 'A file needs a name'
  if (others.includes(name)) return 'There is a file of this name'
  if (name.startsWith('/') || name.split('/').some((part) => part === '' || part === '.' || part === '..')) {
    return 'A name is relative and inside the program’s folder'
  }
  return null
}
