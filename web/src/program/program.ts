/** The model of a program: its files and the options of its runs. */
import * as v from 'valibot'
import type { Language } from '../api/languages'
import { MAX_TESTS, TestCase } from './testCase'

export const LIMIT_NAMES = [
  'wall_seconds',
  'cpu_seconds',
  'memory_bytes',
  'processes',
  'output_bytes',
  'disk_bytes',
  'open_files',
  'stack_bytes',
] as const

/**
 * How a program gets its standard input.
 *
 * - `terminal`: from a pseudo-terminal, key by key
 * - `lines`: from a pipe, line by line
 * - `text`: from a pipe, as a text that is submitted with the program
 */
export const INPUTS = ['terminal', 'lines', 'text'] as const

/** The default artifact patterns: the page shows these images below the output. */
export const IMAGE_PATTERNS = '*.png *.jpg *.jpeg *.gif *.svg'

export const SourceFile = v.object({ name: v.string(), content: v.string() })

export const Program = v.object({
  files: v.pipe(v.array(SourceFile), v.minLength(1), v.maxLength(64)),
  /** A command line, see arguments.ts. */
  args: v.optional(v.string(), ''),
  input: v.optional(v.picklist(INPUTS), 'terminal'),
  /** The input if `input` is `text`. */
  stdin: v.optional(v.string(), ''),
  limits: v.optional(v.record(v.picklist(LIMIT_NAMES), v.number()), {}),
  /** Artifact patterns, separated like arguments. */
  artifacts: v.optional(v.string(), IMAGE_PATTERNS),
  tests: v.optional(v.pipe(v.array(TestCase), v.maxLength(MAX_TESTS)), []),
})

export type SourceFile = v.InferOutput<typeof SourceFile>
export type Input = (typeof INPUTS)[number]
export type Program = v.InferOutput<typeof Program>
export type LimitName = (typeof LIMIT_NAMES)[number]

/** Creates a program with one file, by default the template of the language. */
export function newProgram(language: Language, content = language.template.replace(/^\n/, '')): Program {
  return {
    files: [{ name: language.file_name, content }],
    args: '',
    input: 'terminal',
    stdin: '',
    limits: {},
    artifacts: IMAGE_PATTERNS,
    tests: [],
  }
}

/** Inserts a removed file again. Its name changes if another file has it now. */
export function restoreFile(program: Program, file: SourceFile, index: number): Program {
  const isUsed = program.files.some(({ name }) => name === file.name)
  const restored = isUsed ? { ...file, name: newFileName(program.files) } : file
  return { ...program, files: program.files.toSpliced(index, 0, restored) }
}

/** Returns an unused name for a new file, with the extension of the first file. */
export function newFileName(files: SourceFile[]): string {
  const extension = /\.[^.]+$/.exec(files[0]?.name ?? '')?.[0] ?? ''
  const names = new Set(files.map((file) => file.name))
  for (let count = files.length + 1; ; count += 1) {
    const name = `file${count}${extension}`
    if (!names.has(name)) return name
  }
}
