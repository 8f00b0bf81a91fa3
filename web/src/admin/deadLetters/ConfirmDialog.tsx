import type { MouseEvent } from 'react'
import { Dialog } from '../../components/Dialog'
import type { DeadLetter } from '../api/schema'
import { ACTIONS, type ActionName } from './deadLetterActions'

interface Props {
  action: ActionName
  deadLetter: DeadLetter
  onConfirm(): void
  onClose(): void
}

/** Asks the user to confirm an action that cannot be undone. */
export function ConfirmDialog({ action, deadLetter, onConfirm, onClose }: Props) {
  const { label, question, consequence, isDestructive } = ACTIONS[action]
  return (
    <Dialog title={question} onClose={onClose}>
      <p>{consequence}</p>
      <dl className="facts vertical">
        <div>
          <dt>Actor</dt>
          <dd>{deadLetter.actor}</dd>
        </div>
        <div>
          <dt>Job</dt>
          <dd>
            <code>{deadLetter.job_id ?? '–'}</code>
          </dd>
        </div>
        <div>
          <dt>Reason</dt>
          <dd>{deadLetter.reason}</dd>
        </div>
      </dl>
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
