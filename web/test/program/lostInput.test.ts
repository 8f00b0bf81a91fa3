import fc from 'fast-check'
import { expect, test, vi } from 'vitest'
import { newProgram, type Program } from '../../src/program/program'
import {
  closeSharedProgram,
  editProgram,
  keepSharedProgram,
  openLanguage,
  openSharedProgram,
  replaceProgram,
  resetProgram,
} from '../../src/program/programActions'
import { listSavedPrograms } from '../../src/program/savedPrograms'
import { useStore } from '../../src/store'
import { storedItems } from '../fakeStorage'
import { LANGUAGE } from '../fixtures'

vi.stubGlobal('location', { pathname: '/', search: '' })
vi.stubGlobal('history', { replaceState: () => {} })

const LANGUAGES = [LANGUAGE, { ...LANGUAGE, id: 'bash', name: 'Bash', file_name: 'main.sh' }]
const languageId = fc.constantFrom('python', 'bash')

/** An action of the user. `edit` types a text; the others open, keep, close or replace programs. */
const action = fc.oneof(
  { weight: 3, arbitrary: fc.record({ type: fc.constant('edit' as const), text: fc.uuid() }) },
  fc.record({ type: fc.constant('open language' as const), languageId }),
  fc.record({ type: fc.constant('open shared' as const), languageId }),
  fc.record({ type: fc.constant('replace' as const), languageId }),
  fc.constantFrom({ type: 'keep' as const }, { type: 'close' as const }, { type: 'reset' as const }),
)
type Action = typeof action extends fc.Arbitrary<infer Value> ? Value : never

let programs = 0

function anotherProgram(): Program {
  programs += 1
  return newProgram(LANGUAGE, `program ${programs}`)
}

function perform(step: Action): void {
  switch (step.type) {
    case 'edit':
      editProgram((program) => ({
        ...program,
        files: program.files.map((file, index) => (index === 0 ? { ...file, content: step.text } : file)),
      }))
      break
    case 'open language':
      openLanguage(step.languageId)
      break
    case 'open shared':
      openSharedProgram(step.languageId, anotherProgram())
      break
    case 'replace':
      replaceProgram(step.languageId, anotherProgram())
      break
    case 'keep':
      keepSharedProgram()
      break
    case 'close':
      closeSharedProgram()
      break
    case 'reset':
      resetProgram()
      break
  }
}

/** The texts of all programs that the user can find again: drafts and saved programs. */
function findTexts(): Set<string | undefined> {
  const { drafts } = useStore.getState()
  const found = [...Object.values(drafts), ...listSavedPrograms().map(({ program }) => program)]
  return new Set(found.map(({ files }) => files[0]?.content))
}

test('no sequence of actions loses a text that the user typed', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(action, { maxLength: 25 }), async (steps) => {
      storedItems.clear()
      useStore.setState({ ...useStore.getInitialState(), languages: LANGUAGES, languageId: 'python' })
      /** The last text that was typed before each change of the program. */
      const typed: string[] = []
      let last: string | null = null
      for (const step of steps) {
        if (step.type === 'edit') last = step.text
        else if (last !== null) {
          typed.push(last)
          last = null
        }
        perform(step)
      }
      if (last !== null) typed.push(last)
      // The modules that save a replaced program are loaded when they are first needed.
      const isOverwritten = (text: string) => laterEdits(steps, text)
      await vi.waitFor(() => {
        const texts = findTexts()
        expect(typed.filter((text) => !texts.has(text) && !isOverwritten(text))).toEqual([])
      })
    }),
    { numRuns: 60, endOnFailure: true },
  )
})

/** Whether the user has typed over a text: an edit replaces the text of the draft that is shown. */
function laterEdits(steps: Action[], text: string): boolean {
  const shown: Record<string, string | null> = {}
  const overwritten = new Set<string>()
  let language = 'python'
  let sharedLanguage: string | null = null
  for (const step of steps) {
    switch (step.type) {
      case 'edit': {
        const previous = shown[language]
        if (previous && sharedLanguage !== language) overwritten.add(previous)
        if (sharedLanguage === language) sharedLanguage = null
        shown[language] = step.text
        break
      }
      case 'open language':
        language = step.languageId
        break
      case 'open shared':
        language = step.languageId
        sharedLanguage = step.languageId
        break
      case 'replace':
        language = step.languageId
        sharedLanguage = null
        shown[language] = null
        break
      case 'keep':
        if (sharedLanguage) shown[sharedLanguage] = null
        sharedLanguage = null
        break
      case 'close':
        sharedLanguage = null
        break
      case 'reset':
        sharedLanguage = null
        shown[language] = null
        break
    }
  }
  return overwritten.has(text)
}
