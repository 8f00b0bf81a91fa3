import type { MouseEvent } from 'react'
import { Dialog } from '../layout/Dialog'
import { ACTIONS, type ActionName } from './actions'
import type { DeadLetter } from './schema'

interface Properties {
  action: ActionName
  letter: DeadLetter
  onConfirm(): void
  onClose(): void
}

/** Asks once more before something is done that cannot be undone. */
export function Confirmation({ action, letter, onConfirm, onClose }: Properties) {
  const { name, question, consequence, isDestructive } = ACTIONS[action]
  return (
    <Dialog title={question} onClose={onClose}>
      <p>{consequence}</p>
      <dl className="facts what">
        <div>
          <dt>Actor</dt>
          <dd>{letter.actor}</dd>
        </div>
        <div>
          <dt>Job</dt>
          <dd>
            <code>{letter.job_id ?? '–'}</code>
          </dd>
        </div>
        <div>
          <dt>Reason</dt>
          <dd>{letter.reason}</dd>
        </div>
      </dl>
      <div className="choice-buttons">
        <button type="button" className="button outlined" onClick={close}>
          Keep it
        </button>
        <button
          type="button"
          className={`button run ${isDestructive ? 'stop' : ''}`}
          onClick={(event) => {
            close(event)
            onConfirm()
          }}
        >
          {name}
        </button>
      </div>
    </Dialog>
  )
}

/** The browser's own way out of a dialog: it brings the focus back to where it was. */
function close(event: MouseEvent): void {
  event.currentTarget.closest('dialog')?.close()
}
