import { Dialog } from '../layout/Dialog'
import { COMMAND_KEY } from '../layout/platform'
import type { DialogProperties } from './Dialogs'

const KEYS = [
  { keys: [COMMAND_KEY, 'Enter'], text: 'Run the program' },
  { keys: [COMMAND_KEY, 'Shift', 'Enter'], text: 'Run its tests' },
  { keys: [COMMAND_KEY, '.'], text: 'Stop it' },
  { keys: ['F6'], text: 'Next pane: out of the editor, out of the terminal' },
  { keys: ['Shift', 'F6'], text: 'Previous pane' },
  { keys: ['F8'], text: 'Next error in the code' },
  { keys: ['F2'], text: 'Rename the file whose tab has the focus' },
  { keys: ['F1'], text: 'The editor’s own commands; elsewhere, these keys' },
  { keys: ['Ctrl', 'C'], text: 'In the terminal: interrupt the program, or copy what is selected' },
  { keys: ['Ctrl', 'V'], text: 'In the terminal: paste' },
  { keys: ['Ctrl', 'D'], text: 'In the terminal: end of input' },
  { keys: ['Ctrl', 'M'], text: 'In the editor: whether Tab indents or moves on' },
]

export function HelpDialog({ onClose }: DialogProperties) {
  return (
    <Dialog title="Keys" onClose={onClose}>
      <dl className="keys">
        {KEYS.map(({ keys, text }) => (
          <div key={text}>
            <dt>
              {keys.map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  )
}
