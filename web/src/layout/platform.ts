/** What the command key is called here. */
const isMac = /Mac|iPhone|iPad/.test(navigator.userAgent)

export const COMMAND_KEY = isMac ? '⌘' : 'Ctrl'
