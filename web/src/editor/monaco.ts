/** Monaco with the languages of Pyxec, and without features that need a language server. Loaded apart from the page. */
import { editor, MarkerSeverity, Range, Uri } from 'monaco-editor/editor'
import EditorWorker from 'monaco-editor/editor/editor.worker?worker'
import TypeScriptWorker from 'monaco-editor/languages/features/typescript/ts.worker?worker'
// The entry `features/suggest` does not contain the controller.
import 'monaco-editor/editor/contrib/suggest/browser/suggestController'
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
import 'monaco-editor/features/parameterHints/register'
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
import 'monaco-editor/languages/definitions/clojure/register'
import 'monaco-editor/languages/definitions/cpp/register'
import 'monaco-editor/languages/definitions/csharp/register'
import 'monaco-editor/languages/definitions/elixir/register'
import 'monaco-editor/languages/definitions/go/register'
import 'monaco-editor/languages/definitions/java/register'
import 'monaco-editor/languages/definitions/javascript/register'
import 'monaco-editor/languages/definitions/kotlin/register'
import 'monaco-editor/languages/definitions/lua/register'
import 'monaco-editor/languages/definitions/markdown/register'
import 'monaco-editor/languages/definitions/objective-c/register'
import 'monaco-editor/languages/definitions/pascal/register'
import 'monaco-editor/languages/definitions/perl/register'
import 'monaco-editor/languages/definitions/php/register'
import 'monaco-editor/languages/definitions/python/register'
import 'monaco-editor/languages/definitions/r/register'
import 'monaco-editor/languages/definitions/ruby/register'
import 'monaco-editor/languages/definitions/rust/register'
import 'monaco-editor/languages/definitions/scala/register'
import 'monaco-editor/languages/definitions/scheme/register'
import 'monaco-editor/languages/definitions/shell/register'
import 'monaco-editor/languages/definitions/sql/register'
import 'monaco-editor/languages/definitions/swift/register'
import 'monaco-editor/languages/definitions/tcl/register'
import 'monaco-editor/languages/definitions/typescript/register'
import { themeColor } from '../components/themeColor'
import { registerPython } from '../python/pythonLanguage'
import type { ColorScheme } from '../settings/settings'
import { registerKeywordGrammars } from './grammars/monarch'
import { registerWords } from './monacoWords'
import { configureTypeScript } from './typescript'

registerKeywordGrammars()

self.MonacoEnvironment = {
  getWorker: (_id, label) =>
    label === 'typescript' || label === 'javascript' ? new TypeScriptWorker() : new EditorWorker(),
}

configureTypeScript()
registerPython()
registerWords()

export { editor, MarkerSeverity, Range, Uri }

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

// Brackets have the same colour at every depth.
const BRACKET_COLORS = [1, 2, 3, 4, 5, 6].map((depth) => `editorBracketHighlight.foreground${depth}`)

/** Applies the current colours of the style sheet to Monaco. */
export function applyTheme(scheme: ColorScheme): void {
  editor.defineTheme('pyxec', {
    base: scheme === 'dark' ? 'vs-dark' : 'vs',
    inherit: true,
    rules: Object.entries(SYNTAX).map(([token, name]) => ({
      token,
      foreground: themeColor(name).slice(1, 7),
      ...(token === 'comment' && { fontStyle: 'italic' }),
    })),
    colors: {
      'editor.background': themeColor('surface'),
      'editor.foreground': themeColor('text'),
      'editor.lineHighlightBackground': themeColor('line-highlight'),
      'editor.lineHighlightBorder': themeColor('line-highlight'),
      'editor.selectionBackground': themeColor('selection'),
      'editorLineNumber.foreground': themeColor('faint'),
      'editorLineNumber.activeForeground': themeColor('muted'),
      'editorCursor.foreground': themeColor('accent'),
      'editorGutter.background': themeColor('surface'),
      'editorWidget.background': themeColor('raised'),
      'editorWidget.border': themeColor('line'),
      'editorIndentGuide.background1': themeColor('line-highlight'),
      'editorError.foreground': themeColor('bad'),
      'editorWarning.foreground': themeColor('warn'),
      ...Object.fromEntries(BRACKET_COLORS.map((name) => [name, themeColor('code-punctuation')])),
      focusBorder: themeColor('accent'),
      'input.background': themeColor('surface'),
      'scrollbar.shadow': '#00000000',
    },
  })
  editor.setTheme('pyxec')
}
