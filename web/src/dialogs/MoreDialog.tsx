import { Dialog } from '../layout/Dialog'
import { Icon } from '../layout/Icon'
import type { DialogProperties } from './Dialogs'
import { DIALOGS } from './kinds'

/** On a narrow screen: one button in the bar for all that has its own on a wide one. */
export function MoreDialog({ onOpen, onClose }: DialogProperties) {
  return (
    <Dialog title="More" onClose={onClose}>
      <ul className="choices-list">
        {DIALOGS.map(({ name, text, icon }) => (
          <li key={name}>
            <button type="button" className="with-icon" onClick={() => onOpen(name)}>
              <Icon name={icon} />
              <b>{text}</b>
            </button>
          </li>
        ))}
      </ul>
    </Dialog>
  )
}
