import { Dialog } from '../components/Dialog'
import { Icon } from '../components/Icon'
import { useStore } from '../store'
import { DIALOG_BUTTONS } from './dialogButtons'

/** The buttons of the top bar that do not fit on a narrow screen. */
export function MoreDialog({ onClose }: { onClose(): void }) {
  return (
    <Dialog title="More" onClose={onClose}>
      <ul className="choices-list">
        {DIALOG_BUTTONS.map(({ name, text, icon }) => (
          <li key={name}>
            <button type="button" className="with-icon" onClick={() => useStore.setState({ dialog: name })}>
              <Icon name={icon} />
              <b>{text}</b>
            </button>
          </li>
        ))}
      </ul>
    </Dialog>
  )
}
