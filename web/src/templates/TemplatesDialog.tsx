import { Dialog } from '../components/Dialog'
import { newProgram } from '../program/program'
import { replaceProgram, resetProgram } from '../program/programActions'
import { syntaxId } from '../program/syntax'
import { currentLanguage, useStore } from '../store'
import { templatesFor } from './templates'

/** The example programs of the selected language. */
export function TemplatesDialog({ onClose }: { onClose(): void }) {
  const language = useStore(currentLanguage)
  const open = (content: string) => {
    replaceProgram(language.id, newProgram(language, content))
    onClose()
  }
  const reset = () => {
    resetProgram()
    onClose()
  }
  return (
    <Dialog title={`${language.name} templates`} onClose={onClose}>
      <ul className="choices-list">
        <li>
          <button type="button" onClick={reset}>
            <b>Hello</b>
            <span>A minimal program that prints a line</span>
          </button>
        </li>
        {templatesFor(syntaxId(language)).map(({ title, description, content }) => (
          <li key={title}>
            <button type="button" onClick={() => open(content)}>
              <b>{title}</b>
              <span>{description}</span>
            </button>
          </li>
        ))}
      </ul>
      <p className="dialog-note">Your current program stays in Programs.</p>
    </Dialog>
  )
}
