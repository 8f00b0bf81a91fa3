/** What is edited and submitted: the files of one program, and how it is to be run. */
import * as v from 'valibot'
import type { Language, Submission, TerminalSize } from '../api/schema'
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

/** `terminal`: the program has a terminal. `lines`: it has pipes, what is typed goes line by line. `text`: it has pipes, and its input was given beforehand. */
export const INPUTS = ['terminal', 'lines', 'text'] as const

export const SourceFile = v.object({ name: v.string(), content: v.string() })

export const Program = v.object({
  files: v.pipe(v.array(SourceFile), v.minLength(1), v.maxLength(64)),
  args: v.optional(v.string(), ''),
  input: v.optional(v.picklist(INPUTS), 'terminal'),
  stdin: v.optional(v.string(), ''),
  limits: v.optional(v.record(v.picklist(LIMIT_NAMES), v.number()), {}),
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
  }
}

// A person thinks while typing: the usual ten seconds would end every conversation. The limit of processor time, which
// stays as it is, ends an endless loop all the same.
const CONVERSATION_SECONDS = 300

/** What a run of this program may take unless it asks for something else. */
export function defaultLimits(language: Language, input: Input): Record<string, number> {
  const usual = Object.entries(language.limits).map(([name, limit]) => [name, limit.default])
  return { ...Object.fromEntries(usual), ...conversation(language, input) }
}

/** What a run of this program may take: what it asks for, else what is usual. */
export function limitsInForce(language: Language, program: Program): Record<string, number> {
  return { ...defaultLimits(language, program.input), ...program.limits }
}

function conversation({ limits }: Language, input: Input): Record<string, number> {
  const longest = limits.wall_seconds?.maximum
  if (input !== 'terminal' || longest === undefined) return {}
  return { wall_seconds: Math.min(longest, CONVERSATION_SECONDS) }
}

/** The job that runs a program, on a terminal of this size if it has one. */
export function submission(language: Language, program: Program, size: TerminalSize): Submission {
  const args = splitArguments(program.args)
  const limits = { ...conversation(language, program.input), ...program.limits }
  return {
    language: language.id,
    files: program.files,
    ...(args.length > 0 && { args }),
    ...(Object.keys(limits).length > 0 && { limits }),
    ...inputOf(program, size),
  }
}

function inputOf({ input, stdin }: Program, size: TerminalSize): Partial<Submission> {
  switch (input) {
    case 'terminal':
      return { tty: size }
    case 'lines':
      return { interactive: true }
    case 'text':
      return { stdin }
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
