/**
 * The xterm.js terminal, loaded apart from the page.
 *
 * The output of a program is untrusted. No escape sequence may set a title, access the clipboard, create a link, change
 * the colours of the page, or use unbounded memory.
 */
import '@xterm/xterm/css/xterm.css'
import { FitAddon } from '@xterm/addon-fit'
import { type ILink, type ITheme, Terminal } from '@xterm/xterm'
import { themeColor } from '../components/themeColor'
import { createWriteQueue } from './writeQueue'

const SCROLLBACK_LINES = 5000
const ANSI_COLORS = ['black', 'red', 'green', 'yellow', 'blue', 'magenta', 'cyan', 'white'] as const
// Operating system commands (OSC): titles, links, colours, clipboard, notifications. See XTerm Control Sequences.
const IGNORED_OSC_COMMANDS = [
  0, 1, 2, 4, 5, 7, 8, 9, 10, 11, 12, 13, 17, 19, 50, 52, 104, 110, 111, 112, 133, 633, 777, 1337,
]
// Default colours, visible cursor, no mouse or focus reports, no bracketed paste, normal cursor keys and keypad.
const RESET_MODES = '\x1b[0m\x1b[?25h\x1b[?1000;1002;1003;1004;1006;2004l\x1b[?1l\x1b>'
// The first characters whose width differs from one cell are combining marks.
const WIDE_CHARACTER = /[\u0300-\uffff]/
// An escape sequence and not terminal.reset(), which would take effect before the text that xterm.js has buffered.
const RESET = '\x1bc'
const LEAVE_ALTERNATE_SCREEN = '\x1b[?1049l'

/** A link in a line: columns from `start` up to but not `end`, from 0. */
export interface TerminalLink {
  start: number
  end: number
  open(): void
}

export interface TerminalScreen {
  terminal: Terminal
  /** Queues text and returns at once. */
  write(text: string): void
  /** Discards all text. */
  clear(): void
  /** Fits the size to that of the parent element. */
  fit(): void
  /** Resets the terminal modes that a program may have left changed. */
  resetModes(): void
  /** Applies the current colours of the style sheet. */
  updateColors(): void
  setFontSize(pixels: number): void
  /** Sets the function that is called when the terminal does not show the start of the output any more. */
  setOnHidden(onHidden: () => void): void
  /** Sets the function that finds the links in a line. */
  setLinks(find: (line: string) => TerminalLink[]): void
  dispose(): void
}

export function openScreen(parent: HTMLElement, fontSize: number): TerminalScreen {
  const terminal = new Terminal({
    allowProposedApi: true,
    cursorBlink: false,
    cursorInactiveStyle: 'outline',
    fontFamily: 'Geist Mono Variable, ui-monospace, monospace',
    fontSize,
    lineHeight: 1, // A larger value interrupts vertical lines of box characters.
    minimumContrastRatio: 4.5,
    scrollback: SCROLLBACK_LINES,
    theme: createTheme(),
    windowOptions: {},
    linkHandler: { activate: () => {} },
  })
  for (const command of IGNORED_OSC_COMMANDS) terminal.parser.registerOscHandler(command, () => true)
  const fitAddon = new FitAddon()
  terminal.loadAddon(fitAddon)
  terminal.open(parent)
  const queue = createWriteQueue(terminal, {
    maxLines: () => SCROLLBACK_LINES + terminal.rows,
    onSkip: () => onHidden(),
    prepare: (text) => (hasWideCharacters || !WIDE_CHARACTER.test(text) ? null : prepareWideCharacters()),
  })
  let hasWideCharacters = false
  let onHidden = () => {}

  /** Loads the widths of characters of Unicode 15, which few programs need. */
  async function prepareWideCharacters(): Promise<void> {
    hasWideCharacters = true
    const { UnicodeGraphemesAddon } = await import('@xterm/addon-unicode-graphemes')
    terminal.loadAddon(new UnicodeGraphemesAddon())
  }

  return {
    terminal,
    write: queue.write,
    clear: () => {
      queue.clear()
      queue.write(RESET)
    },
    fit: () => fitAddon.fit(),
    resetModes: () => {
      queue.write(RESET_MODES, () => {
        if (terminal.buffer.active.type === 'alternate') terminal.write(LEAVE_ALTERNATE_SCREEN)
        if (terminal.buffer.normal.baseY >= SCROLLBACK_LINES) onHidden()
      })
    },
    updateColors: () => {
      terminal.options.theme = createTheme()
    },
    setFontSize: (pixels) => {
      terminal.options.fontSize = pixels
      fitAddon.fit()
    },
    setOnHidden: (callback) => {
      onHidden = callback
    },
    setLinks: (find) => {
      terminal.registerLinkProvider({
        provideLinks: (row, callback) => callback(linksInRow(terminal, row, find)),
      })
    },
    dispose: () => terminal.dispose(),
  }
}

/** Rows and columns of xterm.js count from 1. */
function linksInRow(terminal: Terminal, row: number, find: (line: string) => TerminalLink[]): ILink[] {
  const text = terminal.buffer.active.getLine(row - 1)?.translateToString(true) ?? ''
  return find(text).map(({ start, end, open }) => ({
    range: { start: { x: start + 1, y: row }, end: { x: end, y: row } },
    text: text.slice(start, end),
    activate: open,
  }))
}

function createTheme(): ITheme {
  const ansiColors = ANSI_COLORS.flatMap((name) => [
    [name, themeColor(`ansi-${name}`)],
    [`bright${name.charAt(0).toUpperCase()}${name.slice(1)}`, themeColor(`ansi-bright-${name}`)],
  ])
  return {
    ...Object.fromEntries(ansiColors),
    background: themeColor('terminal'),
    foreground: themeColor('terminal-text'),
    cursor: themeColor('accent'),
    cursorAccent: themeColor('terminal'),
    selectionBackground: themeColor('selection'),
  }
}
