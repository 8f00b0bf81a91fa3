import { useEffect, useEffectEvent, useLayoutEffect, useRef } from 'react'
import type { Diagnostic } from '../program/sourceLocation'
import { useColorScheme, useSettings } from '../settings/settings'
import { useLint } from '../tools/useLint'
import { takeCaret } from './caret'
import type { EditorProps } from './editorProps'
import { monacoLanguage } from './grammars/monacoIds'
import { applyTheme, editor, MarkerSeverity, Range, Uri } from './monaco'
import { useCodeFont } from './useCodeFont'

const LINE_HEIGHT = 1.55

/** The Monaco editor with one document for each path. */
export default function MonacoEditor({
  path,
  languageId,
  value,
  followedEdits,
  diagnostics,
  target,
  onChange,
}: EditorProps) {
  const box = useRef<HTMLDivElement>(null)
  const instance = useRef<editor.IStandaloneCodeEditor | null>(null)
  const fontSize = useSettings((settings) => settings.fontSize)
  const { fontFamily, hasLigatures } = useCodeFont()
  const scheme = useColorScheme()
  const reportChange = useEffectEvent(onChange)

  // A layout effect runs in the same task in which the text area is removed, so that no key press is lost.
  useLayoutEffect(() => {
    if (!box.current) return
    const created = editor.create(box.current, { ...OPTIONS, model: null })
    instance.current = created
    const changes = created.onDidChangeModelContent((event) => {
      if (!event.isFlush) reportChange(created.getValue())
    })
    return () => {
      changes.dispose()
      created.dispose()
      for (const model of editor.getModels()) model.dispose()
    }
  }, [])

  useEffect(() => applyTheme(scheme), [scheme])
  useEffect(() => {
    instance.current?.updateOptions({
      fontSize,
      lineHeight: Math.round(fontSize * LINE_HEIGHT),
      fontFamily,
      fontLigatures: hasLigatures,
    })
  }, [fontSize, fontFamily, hasLigatures])

  const showDocument = useEffectEvent(() => {
    const created = instance.current
    if (!created) return
    const caret = takeCaret()
    const uri = documentUri(path)
    const model = editor.getModel(uri) ?? editor.createModel(value, monacoLanguage(languageId), uri)
    if (model.getValue() !== value) model.setValue(value)
    if (created.getModel() !== model) created.setModel(model)
    editor.setModelLanguage(model, monacoLanguage(languageId))
    created.updateOptions({ ariaLabel: `Code, ${path.split('/').at(-1)}. F6 leaves the editor.` })
    if (!caret) return
    const from = model.getPositionAt(caret.start)
    const to = model.getPositionAt(caret.end)
    created.setSelection(Range.fromPositions(from, to))
    created.setScrollTop(caret.scrollTop)
    created.focus()
  })

  // The open document holds the current text, and `value` follows it. Monaco takes `value` only for another path.
  // biome-ignore lint/correctness/useExhaustiveDependencies: a change of the text must not run it
  useLayoutEffect(() => showDocument(), [path, languageId])

  // The undo history contains the edit of the other tab.
  const followOtherTab = useEffectEvent(() => {
    const model = editor.getModel(documentUri(path))
    if (model && model.getValue() !== value) {
      model.pushEditOperations(null, [{ range: model.getFullModelRange(), text: value }], () => null)
    }
  })
  // biome-ignore lint/correctness/useExhaustiveDependencies: the number states that `value` comes from another tab
  useEffect(() => followOtherTab(), [followedEdits])

  useEffect(() => {
    const model = editor.getModel(documentUri(path))
    if (model) editor.setModelMarkers(model, 'run', diagnostics.map(marker))
  }, [path, diagnostics])

  const lintMessages = useLint(languageId, path.split('/').slice(2).join('/'), value)
  useEffect(() => {
    const model = editor.getModel(documentUri(path))
    if (model) editor.setModelMarkers(model, 'lint', lintMessages.map(marker))
  }, [path, lintMessages])

  useEffect(() => {
    if (!target || !instance.current) return
    instance.current.setPosition({ lineNumber: target.line, column: target.column })
    instance.current.revealLineInCenterIfOutsideViewport(target.line)
    instance.current.focus()
  }, [target])

  return <div className="monaco" ref={box} />
}

const OPTIONS: editor.IStandaloneEditorConstructionOptions = {
  automaticLayout: true,
  minimap: { enabled: false },
  padding: { top: 12, bottom: 12 },
  lineNumbersMinChars: 3,
  lineDecorationsWidth: 12,
  folding: false,
  glyphMargin: false,
  scrollBeyondLastLine: false,
  renderLineHighlight: 'line',
  overviewRulerBorder: false,
  hideCursorInOverviewRuler: true,
  stickyScroll: { enabled: false },
  quickSuggestions: { other: true, comments: false, strings: false },
  acceptSuggestionOnEnter: 'off', // Enter always starts a line.
  wordBasedSuggestions: 'off', // See monacoWords.ts.
  fixedOverflowWidgets: true,
  accessibilitySupport: 'auto',
  scrollbar: { verticalScrollbarSize: 10, horizontalScrollbarSize: 10, useShadows: false },
  bracketPairColorization: { enabled: false },
  unicodeHighlight: { ambiguousCharacters: false },
}

function documentUri(path: string) {
  return Uri.from({ scheme: 'inmemory', path: `/${path}` })
}

function marker(diagnostic: Diagnostic): editor.IMarkerData {
  return {
    severity: diagnostic.severity === 'error' ? MarkerSeverity.Error : MarkerSeverity.Warning,
    message: diagnostic.message,
    startLineNumber: diagnostic.line,
    startColumn: diagnostic.column,
    endLineNumber: diagnostic.endLine ?? diagnostic.line,
    endColumn: diagnostic.endColumn ?? Number.MAX_SAFE_INTEGER,
  }
}
