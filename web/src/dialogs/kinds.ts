import type { IconName } from '../layout/Icon'

/** What the page can open over itself, in the order of its buttons. */
export const DIALOGS = [
  { name: 'templates', text: 'Templates', icon: 'template' },
  { name: 'share', text: 'Share', icon: 'share' },
  { name: 'history', text: 'History', icon: 'history' },
  { name: 'settings', text: 'Settings', icon: 'settings' },
  { name: 'help', text: 'Keys', icon: 'help' },
] as const satisfies { name: string; text: string; icon: IconName }[]

export type DialogName = (typeof DIALOGS)[number]['name'] | 'more'
