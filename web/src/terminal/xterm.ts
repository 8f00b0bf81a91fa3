/**
 * The terminal itself, loaded apart from the page. What a program writes is hostile: no sequence may set a title,
 * reach the clipboard, make a link, change the page's colours, or fill the memory.
 */
import '@xterm/xterm/css/xterm.css'
import { FitAddon } from '@xterm/addon-fit'
import { type ILink, type ITheme, Terminal } from '@xterm/xterm'
import { colour } from '../settings/colours'
import { paced } from './pacing'

const SCROLLBACK_LINES = 5000
const ANSI = ['black', 'red', 'green', 'yellow', 'blue', 'magenta', 'cyan', 'white'] as const
// Operating system commands: titles, links, colours, clipboard, notifications. None of them is for programs here.
const REFUSED_COMMANDS = [
  0, 1, 2, 4, 5, 7, 8, 9, 10, 11, 12, 13, 17, 19, 50, 52, 104, 110, 111, 112, 133, 633, 777, 1337,
]
// Colours off, cursor on, no mouse or focus reports, no bracketed paste, normal keys: whatever a program left behind.
const TIDY_UP = '\x1b[0m\x1b[?25h\x1b[?1000;1002;1003;1004;1006;2004l\x1b[?1l\x1b>'
// In its turn among what is written: a reset from outside would come before what the terminal has not read yet.
const RESET = '\x1bc'
const TO_MAIN_SCREEN = '\x1b[?1049l'

/** Part of a line, from column `start` up to but not `end`, both from 0. */
export interface Link {
  start: number
  end: number
  follow(): void
}

export interface Screen {
  terminal: Terminal
  /** Shows text in its turn; returns at once, however much it is. */
  write(text: string): void
  /** Forgets all that was written before. */
  clear(): void
  fit(): void
  /** Undoes what a program left behind. */
  tidyUp(): void
  recolour(): void
  setFontSize(pixels: number): void
  /** What in a line can be clicked. */
  setLinks(find: (line: string) => Link[]): void
  dispose(): void
}

export function openScreen(parent: HTMLElement, fontSize: number): Screen {
  const terminal = new Terminal({
    allowProposedApi: true,
    cursorBlink: false,
    cursorInactiveStyle: 'outline',
    fontFamily: 'Geist Mono Variable, ui-monospace, monospace',
    fontSize,
    lineHeight: 1, // more would tear the lines that programs draw
    minimumContrastRatio: 4.5,
    scrollback: SCROLLBACK_LINES,
    theme: theme(),
    windowOptions: {},
    linkHandler: { activate: () => {} },
  })
  for (const command of REFUSED_COMMANDS) terminal.parser.registerOscHandler(command, () => true)
  const fitting = new FitAddon()
  terminal.loadAddon(fitting)
  terminal.open(parent)
  const pace = paced(terminal)
  return {
    terminal,
    write: pace.write,
    clear: () => {
      pace.forget()
      pace.write(RESET)
    },
    fit: () => fitting.fit(),
    tidyUp: () => {
      pace.write(TIDY_UP, () => {
        if (terminal.buffer.active.type === 'alternate') terminal.write(TO_MAIN_SCREEN)
      })
    },
    recolour: () => {
      terminal.options.theme = theme()
    },
    setFontSize: (pixels) => {
      terminal.options.fontSize = pixels
      fitting.fit()
    },
    setLinks: (find) => {
      terminal.registerLinkProvider({
        provideLinks: (row, answer) => answer(linksOf(terminal, row, find)),
      })
    },
    dispose: () => terminal.dispose(),
  }
}

function linksOf(terminal: Terminal, row: number, find: (line: string) => Link[]): ILink[] {
  const text = terminal.buffer.active.getLine(row - 1)?.translateToString(true) ?? ''
  return find(text).map(({ start, end, follow }) => ({
    range: { start: { x: start + 1, y: row }, end: { x: end, y: row } },
    text: text.slice(start, end),
    activate: follow,
  }))
}

function theme(): ITheme {
  const shades = ANSI.flatMap((name) => [
    [name, colour(`ansi-${name}`)],
    [`bright${name.charAt(0).toUpperCase()}${name.slice(1)}`, colour(`ansi-bright-${name}`)],
  ])
  return {
    ...Object.fromEntries(shades),
    background: colour('terminal'),
    foreground: colour('terminal-text'),
    cursor: colour('accent'),
    cursorAccent: colour('terminal'),
    selectionBackground: colour('selection'),
  }
}
