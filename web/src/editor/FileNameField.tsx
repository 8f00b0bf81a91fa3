import { type KeyboardEvent, useState } from 'react'
import { fileNameError } from './fileName'

interface Props {
  name: string
  otherNames: string[]
  onRename(name: string): void
  onCancel(): void
}

/** The field that renames a file. Enter accepts the name, Escape does not. */
export default function FileNameField({ name, otherNames, onRename, onCancel }: Props) {
  const [text, setText] = useState(name)
  const error = fileNameError(text, otherNames)
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Enter' && !error) onRename(text)
    else if (event.key === 'Escape') onCancel()
  }
  return (
    <input
      className="field file-name"
      aria-label={error ?? 'File name'}
      aria-invalid={error !== null}
      title={error ?? ''}
      value={text}
      // biome-ignore lint/a11y/noAutofocus: the user has just opened the field
      autoFocus
      onFocus={(event) => event.target.select()}
      onChange={(event) => setText(event.target.value)}
      onKeyDown={onKeyDown}
      onBlur={() => (error ? onCancel() : onRename(text))}
    />
  )
}
