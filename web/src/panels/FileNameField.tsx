import { type KeyboardEvent, useState } from 'react'
import { whyNotName } from '../program/fileName'

interface Properties {
  name: string
  others: string[]
  onName(name: string): void
  onCancel(): void
}

/** A file's name while it is changed: Enter takes it, Escape does not. */
export default function FileNameField({ name, others, onName, onCancel }: Properties) {
  const [text, setText] = useState(name)
  const mistake = whyNotName(text, others)
  const press = (event: KeyboardEvent) => {
    if (event.key === 'Enter' && !mistake) onName(text)
    else if (event.key === 'Escape') onCancel()
  }
  return (
    <input
      className="field file-name"
      aria-label={mistake ?? 'File name'}
      aria-invalid={mistake !== null}
      title={mistake ?? ''}
      value={text}
      // biome-ignore lint/a11y/noAutofocus: it appears because the person asked for it, in the place they look at
      autoFocus
      onFocus={(event) =>
        event.target.setSelectionRange(0, text.lastIndexOf('.') > 0 ? text.lastIndexOf('.') : text.length)
      }
      onChange={(event) => setText(event.target.value)}
      onKeyDown={press}
      onBlur={() => (mistake ? onCancel() : onName(text))}
    />
  )
}
