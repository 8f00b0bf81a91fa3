/** Opens files of the user's disk: source files, or a ZIP archive with source files. */
import type { Language } from '../api/languages'
import { showNotice } from '../notices/notices'
import { newFileName, newProgram, type Program, type SourceFile } from '../program/program'
import { editProgram, replaceProgram } from '../program/programActions'
import { currentLanguage, currentProgram, useStore } from '../store'
import { readZip } from './zip'

/** The API accepts requests of 16 MiB by default. */
const MAX_BYTES = 8 * 1024 * 1024
const MAX_FILES = 64
const NUL = '\0'

/** Opens files as a new program in the language of their extension. The previous program is saved. */
export async function openAsProgram(list: readonly File[]): Promise<void> {
  const files = await readFiles(list)
  if (files === null) return
  const { language, entry } = guessLanguage(
    files,
    useStore.getState().languages,
    currentLanguage(useStore.getState()),
  )
  const others = files.filter((file) => file !== entry)
  replaceProgram(language.id, { ...newProgram(language), files: [entry, ...others] })
}

/** Adds files to the program that is shown. A file with the name of another one replaces its content. */
export async function addToProgram(list: readonly File[]): Promise<void> {
  const files = await readFiles(list)
  if (files === null) return
  const kept = currentProgram(useStore.getState()).files.filter(({ name }) =>
    files.every((file) => file.name !== name),
  )
  if (kept.length + files.length > MAX_FILES) return report(`A program has at most ${MAX_FILES} files.`)
  editProgram((program) => mergeFiles(program, files))
  useStore.setState(({ followedEdits }) => ({ followedEdits: followedEdits + 1 }))
}

/** Adds a pasted text, such as a gist, as a file. */
export function addText(text: string): void {
  editProgram((program) => ({
    ...program,
    files: [...program.files, { name: newFileName(program.files), content: text }],
  }))
  useStore.setState((state) => ({ openFile: currentProgram(state).files.length - 1, target: null }))
}

/** The language whose files have the extension of one of these files; by default, the current one. */
export function guessLanguage(
  files: SourceFile[],
  languages: Language[],
  current: Language,
): { language: Language; entry: SourceFile } {
  const candidates = [current, ...languages]
  for (const language of candidates) {
    const entry = files.find(({ name }) => name === language.file_name)
    if (entry) return { language, entry }
  }
  for (const language of candidates) {
    const entry = files.find(({ name }) => extension(name) === extension(language.file_name))
    if (entry) return { language, entry }
  }
  return { language: current, entry: files[0] ?? { name: current.file_name, content: '' } }
}

function mergeFiles(program: Program, files: SourceFile[]): Program {
  const replaced = program.files.map((file) => files.find(({ name }) => name === file.name) ?? file)
  const added = files.filter(({ name }) => program.files.every((file) => file.name !== name))
  return { ...program, files: [...replaced, ...added] }
}

/** Returns null after reporting why the files cannot be opened. */
async function readFiles(list: readonly File[]): Promise<SourceFile[] | null> {
  try {
    const files = (await Promise.all(list.map(readFile))).flat()
    if (files.length === 0) throw new Error('No file was chosen.')
    if (files.length > MAX_FILES) throw new Error(`A program has at most ${MAX_FILES} files.`)
    const binary = files.find(({ content }) => content.includes(NUL))
    if (binary)
      throw new Error(`${binary.name} is not a text file. Choose source files, or a ZIP archive of them.`)
    return files
  } catch (error) {
    report((error as Error).message)
    return null
  }
}

async function readFile(file: File): Promise<SourceFile[]> {
  if (file.size > MAX_BYTES) throw new Error(`${file.name} is larger than 8 MiB. Choose a smaller file.`)
  if (/\.zip$/i.test(file.name)) return readZip(new Uint8Array(await file.arrayBuffer()))
  return [{ name: file.name, content: (await file.text()).replaceAll('\r\n', '\n') }]
}

function report(text: string): void {
  showNotice({
    id: 'files',
    tone: 'bad',
    text: `${text} Nothing was changed.`,
    actions: [],
    durationMs: null,
  })
}

function extension(name: string): string {
  return /\.[^.]+$/.exec(name)?.[0]?.toLowerCase() ?? ''
}
