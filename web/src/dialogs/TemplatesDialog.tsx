import { Dialog } from '../layout/Dialog'
import { template } from '../program/program'
import { templatesOf } from '../program/templates'
import type { DialogProperties } from './Dialogs'

export function TemplatesDialog({ language, onProgram, onStartOver, onClose }: DialogProperties) {
  const open = (content: string) => {
    const fresh = template(language)
    onProgram(language.id, { ...fresh, files: [{ name: language.file_name, content }] })
    onClose()
  }
  const startOver = () => {
    onStartOver()
    onClose()
  }
  return (
    <Dialog title={`${language.name}: begin with`} onClose={onClose}>
      <ul className="choices-list">
        <li>
          <button type="button" onClick={startOver}>
            <b>Hello</b>
            <span>The shortest program that says something</span>
          </button>
        </li>
        {templatesOf(language.id).map(({ title, about, content }) => (
          <li key={title}>
            <button type="button" onClick={() => open(content)}>
              <b>{title}</b>
              <span>{about}</span>
            </button>
          </li>
        ))}
      </ul>
      <p className="dialog-note">What you have written so far stays in the history.</p>
    </Dialog>
  )
}
