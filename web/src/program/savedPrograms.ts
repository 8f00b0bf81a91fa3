/** Named programs, stored in this browser. Each has an entry of its own, so that two tabs cannot overwrite each other. */
import * as v from 'valibot'
import { downloadFile } from '../components/downloadFile'
import { showNotice } from '../notices/notices'
import { readStored, removeStored, storedKeys, writeStored } from '../storage'
import { currentLanguage, useStore } from '../store'
import { Program } from './program'

const PREFIX = 'program.'

export const SavedProgram = v.object({
  id: v.string(),
  name: v.string(),
  language: v.string(),
  program: Program,
  /** Unix time in milliseconds. */
  savedAt: v.number(),
})

export type SavedProgram = v.InferOutput<typeof SavedProgram>

/** Returns the saved programs, newest first. */
export function listSavedPrograms(): SavedProgram[] {
  return storedKeys(PREFIX)
    .flatMap((key) => readStored(key, SavedProgram) ?? [])
    .sort((a, b) => b.savedAt - a.savedAt)
}

/** Saves a program under a name. It replaces the program of this language with the same name. Returns null if the storage is full. */
export function saveProgram(name: string, language: string, program: Program): SavedProgram | null {
  const previous = listSavedPrograms().find((saved) => saved.name === name && saved.language === language)
  const saved = { id: previous?.id ?? newId(), name, language, program, savedAt: Date.now() }
  return restoreProgram(saved) ? saved : null
}

/** Stores a saved program as it is. Returns false if the storage is full. */
export function restoreProgram(saved: SavedProgram): boolean {
  return writeStored(PREFIX + saved.id, saved)
}

export function removeSavedProgram(id: string): void {
  removeStored(PREFIX + id)
}

/** Saves a program that is about to be replaced, unless it is saved already. Offers a download if the storage is full. */
export function preserveProgram(language: string, program: Program, reason: string): void {
  const text = JSON.stringify(program)
  const isSaved = listSavedPrograms().some(
    (saved) => saved.language === language && JSON.stringify(saved.program) === text,
  )
  if (isSaved) return
  const time = new Date().toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'medium' })
  // Not saveProgram: two programs can be replaced within the second that the name contains.
  const saved = {
    id: newId(),
    name: `${reason}, ${time}`,
    language,
    program,
    savedAt: Date.now(),
  }
  if (!restoreProgram(saved)) reportFullStorage(program, 'preserved')
}

/** States that a program could not be stored, and offers to download it. */
export function reportFullStorage(program: Program, key: string): void {
  showNotice({
    id: `storage-${key}`,
    tone: 'bad',
    text: 'The storage of this browser is full or blocked: your program is not saved. Download it, or remove saved programs or the history.',
    actions: [
      {
        text: 'Download',
        run: () => {
          downloadProgram(program)
          reportFullStorage(program, key)
        },
      },
    ],
    durationMs: null,
  })
}

/** Downloads a program: its file, or a ZIP archive if it has several. */
export function downloadProgram({ files }: Program): void {
  const [first] = files
  if (files.length === 1 && first) downloadFile(new Blob([first.content]), baseName(first.name))
  else
    void import('../files/zip').then(({ createZip }) =>
      downloadFile(new Blob([createZip(files)], { type: 'application/zip' }), 'program.zip'),
    )
}

/** The program that is shown, with the name of its language. */
export function shownProgramName(): string {
  return `${currentLanguage(useStore.getState()).name} program`
}

/** 128 random bits. crypto.randomUUID exists only on secure origins. */
function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

function baseName(path: string): string {
  return path.split('/').at(-1) ?? path
}
