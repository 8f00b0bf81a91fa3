import { useEffect, useLayoutEffect, useRef } from 'react'
import { flushSync } from 'react-dom'
import type { EditorProperties } from './CodeEditor'
import { applyTheme, editor, MarkerSeverity, monacoLanguage, Range, Uri } from './monaco'
import { type Finding, takeHandover } from './place'

const LINE_HEIGHT = 1.55

/** Monaco, given a value from outside and telling each change. */
export default function MonacoEditor(properties: EditorProperties) {
  const { path, language, scheme, fontSize, findings, target } = properties
  const box = useRef<HTMLDivElement>(null)
  const instance = useRef<editor.IStandaloneCodeEditor | null>(null)
  const latest = useRef(properties)
  latest.current = properties

  // Layout effects: in the same breath as the text area goes, so that no key falls in between.
  useLayoutEffect(() => {
    if (!box.current) return
    const created = editor.create(box.current, { ...OPTIONS, model: null })
    instance.current = created
    const changes = created.onDidChangeModelContent((event) => {
      // At once: the next key may be the one that runs what was typed, and for an edit React would take its time.
      if (!event.isFlush) flushSync(() => latest.current.onChange(created.getValue()))
    })
    return () => {
      changes.dispose()
      created.dispose()
      for (const model of editor.getModels()) model.dispose()
    }
  }, [])

  useEffect(() => applyTheme(scheme), [scheme])
  useEffect(() => {
    instance.current?.updateOptions({ fontSize, lineHeight: Math.round(fontSize * LINE_HEIGHT) })
  }, [fontSize])

  // Each path keeps its own document, and so its undo history and its place. While it is open the document leads and
  // `value` follows, a little late: it may only be taken when a path is opened.
  useLayoutEffect(() => {
    const created = instance.current
    if (!created) return
    const handover = takeHandover()
    const uri = documentUri(path)
    const model =
      editor.getModel(uri) ?? editor.createModel(latest.current.value, monacoLanguage(language), uri)
    if (model.getValue() !== latest.current.value) model.setValue(latest.current.value)
    if (created.getModel() !== model) created.setModel(model)
    editor.setModelLanguage(model, monacoLanguage(language))
    created.updateOptions({ ariaLabel: `Code, ${path.split('/').at(-1)}. F6 leaves the editor.` })
    if (!handover) return
    const from = model.getPositionAt(handover.start)
    const to = model.getPositionAt(handover.end)
    created.setSelection(Range.fromPositions(from, to))
    created.setScrollTop(handover.scrollTop)
    created.focus()
  }, [path, language])

  useEffect(() => {
    const model = editor.getModel(documentUri(path))
    if (model) editor.setModelMarkers(model, 'run', findings.map(marker))
  }, [path, findings])

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
  fontFamily: 'Geist Mono Variable, ui-monospace, monospace',
  fontLigatures: false,
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
  quickSuggestions: false,
  wordBasedSuggestions: 'currentDocument',
  fixedOverflowWidgets: true,
  accessibilitySupport: 'auto',
  scrollbar: { verticalScrollbarSize: 10, horizontalScrollbarSize: 10, useShadows: false },
  bracketPairColorization: { enabled: false },
  unicodeHighlight: { ambiguousCharacters: false },
}

function documentUri(path: string) {
  return Uri.from({ scheme: 'inmemory', path: `/${path}` })
}

function marker(finding: Finding): editor.IMarkerData {
  return {
    severity: finding.severity === 'error' ? MarkerSeverity.Error : MarkerSeverity.Warning,
    message: finding.message,
    startLineNumber: finding.line,
    startColumn: finding.column,
    endLineNumber: finding.line,
    endColumn: Number.MAX_SAFE_INTEGER,
  }
}
