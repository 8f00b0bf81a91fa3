import type { Language } from '../api/schema'
import type { Program } from '../program/program'
import type { Theme } from '../settings/theme'
import { HelpDialog } from './HelpDialog'
import { HistoryDialog } from './HistoryDialog'
import type { DialogName } from './kinds'
import { MoreDialog } from './MoreDialog'
import { SettingsDialog } from './SettingsDialog'
import { ShareDialog } from './ShareDialog'
import { TemplatesDialog } from './TemplatesDialog'
import './dialogs.css'

export interface DialogProperties {
  language: Language
  program: Program
  theme: Theme
  fontSize: number
  onTheme(theme: Theme): void
  onFontSize(pixels: number): void
  onOpen(name: DialogName): void
  onProgram(languageId: string, program: Program): void
  onStartOver(): void
  onClose(): void
}

/** Whatever is opened over the page; loaded when it is first wanted. */
export default function Dialogs({ name, ...properties }: DialogProperties & { name: DialogName }) {
  const { [name]: Chosen } = {
    templates: TemplatesDialog,
    share: ShareDialog,
    history: HistoryDialog,
    settings: SettingsDialog,
    help: HelpDialog,
    more: MoreDialog,
  }
  return <Chosen {...properties} />
}
