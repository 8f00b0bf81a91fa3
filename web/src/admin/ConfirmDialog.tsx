import type { MouseEvent, ReactNode } from 'react'
import { Dialog } from '../components/Dialog'

interface Props {
  question: string
  consequence: string
  /** The label of the button that confirms the action. */
  label: string
  isDestructive: boolean
  onConfirm(): void
  onClose(): void
  children?: ReactNode
}

/** Asks the user to confirm an action. */
export function ConfirmDialog({
  question,
  consequence,
  label,
  isDestructive,
  onConfirm,
  onClose,
  children,
}: Props) {
  return (
    <Dialog title={question} onClose={onClose}>
      <p>{consequence}</p>
      {children}
      <div className="dialog-buttons">
        <button type="button" className="button outlined" onClick={closeDialog}>
          Cancel
        </button>
        <button
          type="button"
          className={`button run ${isDestructive ? 'stop' : ''}`}
          onClick={(event) => {
            closeDialog(event)
            onConfirm()
          }}
        >
          {label}
        </button>
      </div>
    </Dialog>
  )
}

/** The browser restores the focus only if it closes the dialog itself. */
function closeDialog(event: MouseEvent): void {
  event.currentTarget.closest('dialog')?.close()
}
