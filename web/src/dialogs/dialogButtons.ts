/** The buttons of the top bar that open a dialog, in their order. */
import type { IconName } from '../components/Icon'

export const DIALOG_BUTTONS = [
  { name: 'templates', text: 'Templates', icon: 'template' },
  { name: 'programs', text: 'Programs', icon: 'folder' },
  { name: 'files', text: 'Files', icon: 'open' },
  { name: 'share', text: 'Share', icon: 'share' },
  { name: 'history', text: 'History', icon: 'history' },
  { name: 'settings', text: 'Settings', icon: 'settings' },
  { name: 'shortcuts', text: 'Shortcuts', icon: 'help' },
] as const satisfies { name: string; text: string; icon: IconName }[]

/** On a narrow screen, this button replaces the others. */
export const MORE_BUTTON = { name: 'more', text: 'More', icon: 'more' } as const

export type DialogName = (typeof DIALOG_BUTTONS)[number]['name'] | 'more'
