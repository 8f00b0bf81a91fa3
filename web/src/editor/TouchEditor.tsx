import { closeBrackets, closeBracketsKeymap } from '@codemirror/autocomplete'
import { defaultKeymap, history, historyKeymap, indentWithTab } from '@codemirror/commands'
import {
  bracketMatching,
  HighlightStyle,
  indentOnInput,
  indentUnit,
  StreamLanguage,
  syntaxHighlighting,
} from '@codemirror/language'
import { Compartment, EditorState, type Extension } from '@codemirror/state'
import {
  Decoration,
  drawSelection,
  EditorView,
  highlightActiveLine,
  keymap,
  lineNumbers,
} from '@codemirror/view'
import { tags } from '@lezer/highlight'
import { useEffect, useEffectEvent, useLayoutEffect, useMemo, useRef } from 'react'
import type { Diagnostic } from '../program/sourceLocation'
import { useSettings } from '../settings/settings'
import { useLint } from '../tools/useLint'
import { takeCaret } from './caret'
import type { EditorProps } from './editorProps'
import { loadStreamParser } from './grammars/streamLanguages'
import { loadKeyBindings } from './keyBindings'
import { useCodeFont } from './useCodeFont'

/** CodeMirror: the editor on touch screens, which Monaco does not support, and with the keys of Vim or Emacs. */
export default function TouchEditor({
  path,
  languageId,
  value,
  followedEdits,
  diagnostics,
  target,
  onChange,
}: EditorProps) {
  const box = useRef<HTMLDivElement>(null)
  const view = useRef<EditorView | null>(null)
  const documents = useRef(new Map<string, EditorState>())
  const { fontSize, keyBindings } = useSettings()
  const { fontFamily, hasLigatures } = useCodeFont()
  const reportChange = useEffectEvent(onChange)

  const createState = useEffectEvent(() =>
    EditorState.create({
      doc: value,
      extensions: [
        keys.of([]), // before all other key maps
        BASE,
        language.of([]),
        errorLines.of([]),
        EditorView.contentAttributes.of({ 'aria-label': `Code, ${path.split('/').at(-1)}` }),
        EditorView.updateListener.of((update) => {
          if (update.docChanged) reportChange(update.state.doc.toString())
        }),
      ],
    }),
  )

  // A layout effect runs in the same task in which the text area is removed, so that no key press is lost.
  useLayoutEffect(() => {
    if (!box.current) return
    const created = new EditorView({ parent: box.current, state: createState() })
    view.current = created
    const caret = takeCaret()
    if (caret) {
      created.dispatch({ selection: { anchor: caret.start, head: caret.end } })
      created.focus()
    }
    return () => created.destroy()
  }, [])

  const showDocument = useEffectEvent((previousPath: string | null) => {
    const current = view.current
    if (!current || previousPath === path) return
    if (previousPath !== null) {
      documents.current.set(previousPath, current.state)
      current.setState(documents.current.get(path) ?? createState())
    }
  })
  const shownPath = useRef<string | null>(null)
  useLayoutEffect(() => {
    showDocument(shownPath.current)
    shownPath.current = path
  }, [path])

  // biome-ignore lint/correctness/useExhaustiveDependencies: another file of the language has a state of its own
  useEffect(() => {
    let isCurrent = true
    void loadStreamParser(languageId).then((parser) => {
      if (!isCurrent || !parser) return
      view.current?.dispatch({ effects: language.reconfigure(StreamLanguage.define(parser)) })
    })
    return () => {
      isCurrent = false
    }
  }, [languageId, path])

  const followOtherTab = useEffectEvent(() => {
    const current = view.current
    if (!current || current.state.doc.toString() === value) return
    current.dispatch({ changes: { from: 0, to: current.state.doc.length, insert: value } })
  })
  // biome-ignore lint/correctness/useExhaustiveDependencies: the number states that `value` comes from another tab
  useEffect(() => followOtherTab(), [followedEdits])

  useEffect(() => {
    const current = view.current
    if (!target || !current) return
    const line = current.state.doc.line(Math.min(target.line, current.state.doc.lines))
    const position = Math.min(line.from + target.column - 1, line.to)
    current.dispatch({
      selection: { anchor: position },
      effects: EditorView.scrollIntoView(position, { y: 'center' }),
    })
    current.focus()
  }, [target])

  // biome-ignore lint/correctness/useExhaustiveDependencies: another file of the language has a state of its own
  useEffect(() => {
    let isCurrent = true
    void loadKeyBindings(keyBindings).then((extension) => {
      if (!isCurrent || !view.current || !box.current) return
      view.current.dispatch({ effects: keys.reconfigure(extension) })
      box.current.dataset.keys = keyBindings
    })
    return () => {
      isCurrent = false
    }
  }, [keyBindings, path])

  const lintMessages = useLint(
    keyBindings === 'default' ? NOT_LINTED : languageId,
    path.split('/').slice(2).join('/'),
    value,
  )
  const allDiagnostics = useMemo(() => [...diagnostics, ...lintMessages], [diagnostics, lintMessages])
  // biome-ignore lint/correctness/useExhaustiveDependencies: another file has a state of its own
  useEffect(() => {
    view.current?.dispatch({ effects: errorLines.reconfigure(markLines(view.current.state, allDiagnostics)) })
  }, [allDiagnostics, path])

  const style = {
    fontSize,
    '--code-font': fontFamily,
    fontVariantLigatures: hasLigatures ? 'normal' : 'none',
  }
  return <div className="touch-editor" ref={box} style={style} />
}

/** The linter is large: on touch screens, it is not loaded. */
const NOT_LINTED = ''

const keys = new Compartment()
const language = new Compartment()
const errorLines = new Compartment()

const HIGHLIGHTS = HighlightStyle.define([
  { tag: [tags.keyword, tags.operatorKeyword, tags.controlKeyword], color: 'var(--code-keyword)' },
  { tag: [tags.string, tags.special(tags.string), tags.regexp], color: 'var(--code-string)' },
  { tag: [tags.number, tags.bool, tags.atom], color: 'var(--code-number)' },
  { tag: tags.comment, color: 'var(--code-comment)', fontStyle: 'italic' },
  { tag: [tags.typeName, tags.className, tags.meta, tags.standard(tags.name)], color: 'var(--code-type)' },
])

const THEME = EditorView.theme({
  '&': { height: '100%', backgroundColor: 'transparent', color: 'var(--text)' },
  '.cm-scroller': { fontFamily: 'var(--code-font)', lineHeight: '1.55' },
  '.cm-content': { padding: '12px 0', caretColor: 'var(--accent)' },
  '.cm-gutters': { backgroundColor: 'transparent', border: '0', color: 'var(--muted)' },
  '.cm-activeLine': { backgroundColor: 'var(--line-highlight)' },
  '.cm-error-line': { textDecoration: 'underline wavy var(--bad)' },
  '.cm-warning-line': { textDecoration: 'underline wavy var(--warn)' },
  '&.cm-focused': { outline: 'none' },
  // The Vim keys set colours with too little contrast.
  '.cm-vim-message': { color: 'var(--bad) !important' },
  '.cm-vim-panel': { color: 'var(--text)' },
})

const BASE: Extension = [
  lineNumbers(),
  history(),
  drawSelection(),
  indentOnInput(),
  bracketMatching(),
  closeBrackets(),
  highlightActiveLine(),
  indentUnit.of('    '),
  syntaxHighlighting(HIGHLIGHTS),
  THEME,
  EditorView.contentAttributes.of({ autocapitalize: 'off', autocorrect: 'off', spellcheck: 'false' }),
  keymap.of([...closeBracketsKeymap, ...defaultKeymap, ...historyKeymap, indentWithTab]),
]

/** Underlines the lines with errors and warnings. */
function markLines(state: EditorState, diagnostics: Diagnostic[]): Extension {
  const marks = diagnostics
    .filter(({ line }) => line >= 1 && line <= state.doc.lines)
    .map(({ line, severity, message }) =>
      Decoration.line({ class: `cm-${severity}-line`, attributes: { title: message } }).range(
        state.doc.line(line).from,
      ),
    )
  return EditorView.decorations.of(Decoration.set(marks, true))
}
