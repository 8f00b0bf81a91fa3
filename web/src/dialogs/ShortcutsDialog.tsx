import { Dialog } from '../components/Dialog'
import { COMMAND_KEY } from '../layout/shortcuts'

const SHORTCUTS = [
  { keys: [COMMAND_KEY, 'Enter'], text: 'Run the program' },
  { keys: [COMMAND_KEY, 'Shift', 'Enter'], text: 'Run the tests' },
  { keys: [COMMAND_KEY, '.'], text: 'Stop the program' },
  { keys: ['Shift', 'Alt', 'F'], text: 'Format the open file' },
  { keys: [COMMAND_KEY, 'S'], text: 'Save the program under a name' },
  { keys: [COMMAND_KEY, 'O'], text: 'Open files' },
  { keys: ['F6'], text: 'Next pane: leaves the editor and the terminal' },
  { keys: ['Shift', 'F6'], text: 'Previous pane' },
  { keys: ['F8'], text: 'Next error in the code' },
  { keys: ['F2'], text: 'Rename the file whose tab has the focus' },
  { keys: ['F1'], text: 'In the editor: its commands. Elsewhere: these shortcuts' },
  { keys: ['Ctrl', 'C'], text: 'In the terminal: interrupt the program, or copy the selection' },
  { keys: ['Ctrl', 'V'], text: 'In the terminal: paste' },
  { keys: ['Ctrl', 'D'], text: 'In the terminal: end the input' },
  { keys: ['Ctrl', 'M'], text: 'In the editor: switch the Tab key between indenting and moving the focus' },
]

export function ShortcutsDialog({ onClose }: { onClose(): void }) {
  return (
    <Dialog title="Keyboard shortcuts" onClose={onClose}>
      <dl className="keys">
        {SHORTCUTS.map(({ keys, text }) => (
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
