import { type ReactNode, useEffect, useId, useRef } from 'react'
import { Icon } from './Icon'

interface Properties {
  title: string
  onClose(): void
  children: ReactNode
}

/** A modal dialog. The browser traps the focus, closes it on Escape, and restores the focus. */
export function Dialog({ title, onClose, children }: Properties) {
  const element = useRef<HTMLDialogElement>(null)
  const heading = useId()
  useEffect(() => element.current?.showModal(), [])
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: Escape closes the dialog from the keyboard
    <dialog
      ref={element}
      className="dialog"
      aria-labelledby={heading}
      onClose={onClose}
      onClick={(event) => event.target === element.current && element.current.close()}
    >
      <header>
        <h2 id={heading}>{title}</h2>
        <button type="button" className="button" aria-label="Close" onClick={() => element.current?.close()}>
          <Icon name="close" />
        </button>
      </header>
      <div>{children}</div>
    </dialog>
  )
}
