import { FilesDialog } from '../files/FilesDialog'
import { HistoryDialog } from '../history/HistoryDialog'
import { ProgramsDialog } from '../programs/ProgramsDialog'
import { SettingsDialog } from '../settings/SettingsDialog'
import { ShareDialog } from '../share/ShareDialog'
import { useStore } from '../store'
import { TemplatesDialog } from '../templates/TemplatesDialog'
import type { DialogName } from './dialogButtons'
import { MoreDialog } from './MoreDialog'
import { ShortcutsDialog } from './ShortcutsDialog'
import './dialogs.css'

const DIALOGS = {
  templates: TemplatesDialog,
  programs: ProgramsDialog,
  files: FilesDialog,
  share: ShareDialog,
  history: HistoryDialog,
  settings: SettingsDialog,
  shortcuts: ShortcutsDialog,
  more: MoreDialog,
}

/** The dialog with this name. All dialogs are loaded when the first one is opened. */
export default function OpenDialog({ name }: { name: DialogName }) {
  const { [name]: NamedDialog } = DIALOGS
  // Another dialog may have replaced this one before the browser reports that it is closed.
  const close = () => useStore.setState(({ dialog }) => (dialog === name ? { dialog: null } : {}))
  return <NamedDialog onClose={close} />
}
