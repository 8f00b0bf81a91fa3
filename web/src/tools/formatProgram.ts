/** Formats the open file. */
import { showNotice } from '../notices/notices'
import { editProgram } from '../program/programActions'
import { syntaxId } from '../program/syntax'
import { currentLanguage, currentProgram, useStore } from '../store'
import { formatterErrorText } from './formatterErrors'
import { FORMATTED_LANGUAGES } from './protocol'
import { format } from './tools'

const NOTICE_MS = 6000

/** Replaces the text of the open file by the formatted one. The undo history of the editor contains the change. */
export async function formatOpenFile(): Promise<void> {
  const state = useStore.getState()
  const language = currentLanguage(state)
  const id = syntaxId(language)
  const file = currentProgram(state).files[state.openFile]
  if (!file) return
  if (!FORMATTED_LANGUAGES.has(id))
    return report(`There is no formatter for ${language.name} in this page. Nothing was changed.`)
  try {
    const content = await format(id, file.name, file.content)
    if (content === file.content) return report(`${file.name} is formatted already.`)
    editProgram((program) => ({
      ...program,
      // A file that was edited in the meantime keeps the edit.
      files: program.files.map((other) => (other === file ? { ...other, content } : other)),
    }))
    useStore.setState(({ followedEdits }) => ({ followedEdits: followedEdits + 1 }))
  } catch (error) {
    const problem = formatterErrorText((error as Error).message, file.content)
    report(`${file.name} was not formatted: ${problem}. Nothing was changed.`)
  }
}

function report(text: string): void {
  showNotice({ id: 'format', tone: 'warn', text, actions: [], durationMs: NOTICE_MS })
}
