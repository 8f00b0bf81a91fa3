import { type ReactNode, useEffect, useId, useRef } from 'react'
import { Icon } from './Icon'

interface Properties {
  title: string
  onClose(): void
  children: ReactNode
}

/** A dialog of the browser's own: it keeps the focus, Escape closes it, and the focus goes back to where it was. */
export function Dialog({ title, onClose, children }: Properties) {
  const element = useRef<HTMLDialogElement>(null)
  const heading = useId()
  useEffect(() => element.current?.showModal(), [])
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the keyboard's way is Escape, which the browser brings
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
