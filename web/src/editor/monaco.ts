/** Monaco, with the languages that can be run here and nothing that needs a language server. Loaded apart from the page. */
import { editor, MarkerSeverity, Range, Uri } from 'monaco-editor/editor'
import EditorWorker from 'monaco-editor/editor/editor.worker?worker'
import 'monaco-editor/features/bracketMatching/register'
import 'monaco-editor/features/caretOperations/register'
import 'monaco-editor/features/clipboard/register'
import 'monaco-editor/features/codicon/register'
import 'monaco-editor/features/comment/register'
import 'monaco-editor/features/contextmenu/register'
import 'monaco-editor/features/cursorUndo/register'
import 'monaco-editor/features/dnd/register'
import 'monaco-editor/features/find/register'
import 'monaco-editor/features/folding/register'
import 'monaco-editor/features/gotoError/register'
import 'monaco-editor/features/gotoLine/register'
import 'monaco-editor/features/hover/register'
import 'monaco-editor/features/indentation/register'
import 'monaco-editor/features/lineSelection/register'
import 'monaco-editor/features/linesOperations/register'
import 'monaco-editor/features/multicursor/register'
import 'monaco-editor/features/placeholderText/register'
import 'monaco-editor/features/quickCommand/register'
import 'monaco-editor/features/smartSelect/register'
import 'monaco-editor/features/snippet/register'
import 'monaco-editor/features/suggest/register'
import 'monaco-editor/features/toggleTabFocusMode/register'
import 'monaco-editor/features/unicodeHighlighter/register'
import 'monaco-editor/features/wordHighlighter/register'
import 'monaco-editor/features/wordOperations/register'
import 'monaco-editor/features/wordPartOperations/register'
import 'monaco-editor/languages/definitions/cpp/register'
import 'monaco-editor/languages/definitions/csharp/register'
import 'monaco-editor/languages/definitions/go/register'
import 'monaco-editor/languages/definitions/java/register'
import 'monaco-editor/languages/definitions/javascript/register'
import 'monaco-editor/languages/definitions/kotlin/register'
import 'monaco-editor/languages/definitions/lua/register'
import 'monaco-editor/languages/definitions/markdown/register'
import 'monaco-editor/languages/definitions/perl/register'
import 'monaco-editor/languages/definitions/php/register'
import 'monaco-editor/languages/definitions/python/register'
import 'monaco-editor/languages/definitions/r/register'
import 'monaco-editor/languages/definitions/ruby/register'
import 'monaco-editor/languages/definitions/rust/register'
import 'monaco-editor/languages/definitions/shell/register'
import 'monaco-editor/languages/definitions/typescript/register'
import { colour } from '../settings/colours'
import type { Scheme } from '../settings/theme'

self.MonacoEnvironment = { getWorker: () => new EditorWorker() }

export { editor, MarkerSeverity, Range, Uri }

/** Where Pyxec and Monaco call a language differently. */
const NAMES: Record<string, string> = { bash: 'shell', text: 'plaintext' }

export function monacoLanguage(id: string): string {
  return NAMES[id] ?? id
}

const SYNTAX = {
  comment: 'code-comment',
  string: 'code-string',
  'string.escape': 'code-string',
  number: 'code-number',
  keyword: 'code-keyword',
  type: 'code-type',
  'type.identifier': 'code-type',
  annotation: 'code-type',
  tag: 'code-type',
  regexp: 'code-string',
  delimiter: 'code-punctuation',
} as const

// Brackets are told apart by their match, not by a rainbow.
const BRACKETS = [1, 2, 3, 4, 5, 6].map((depth) => `editorBracketHighlight.foreground${depth}`)

/** Makes the editor look like the page around it. The colours are read from the style sheet, in the theme that is on. */
export function applyTheme(scheme: Scheme): void {
  editor.defineTheme('pyxec', {
    base: scheme === 'dark' ? 'vs-dark' : 'vs',
    inherit: true,
    rules: Object.entries(SYNTAX).map(([token, name]) => ({
      token,
      foreground: colour(name).slice(1, 7),
      ...(token === 'comment' && { fontStyle: 'italic' }),
    })),
    colors: {
      'editor.background': colour('surface'),
      'editor.foreground': colour('text'),
      'editor.lineHighlightBackground': colour('line-highlight'),
      'editor.lineHighlightBorder': colour('line-highlight'),
      'editor.selectionBackground': colour('selection'),
      'editorLineNumber.foreground': colour('faint'),
      'editorLineNumber.activeForeground': colour('muted'),
      'editorCursor.foreground': colour('accent'),
      'editorGutter.background': colour('surface'),
      'editorWidget.background': colour('raised'),
      'editorWidget.border': colour('line'),
      'editorIndentGuide.background1': colour('line-highlight'),
      'editorError.foreground': colour('bad'),
      'editorWarning.foreground': colour('warn'),
      ...Object.fromEntries(BRACKETS.map((name) => [name, colour('code-punctuation')])),
      focusBorder: colour('accent'),
      'input.background': colour('surface'),
      'scrollbar.shadow': '#00000000',
    },
  })
  editor.setTheme('pyxec')
}
