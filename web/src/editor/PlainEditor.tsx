import { type KeyboardEvent, useEffect, useLayoutEffect, useRef } from 'react'
import { useSettings } from '../settings/settings'
import { saveCaret } from './caret'
import type { EditorProps } from './editorProps'

/** A text area for code: the Tab key indents, and Enter keeps the indentation. */
export function PlainEditor({ path, value, target, onChange }: EditorProps) {
  const area = useRef<HTMLTextAreaElement>(null)
  const fontSize = useSettings((settings) => settings.fontSize)

  useLayoutEffect(() => {
    const element = area.current
    return () => {
      if (element) saveCaret(element)
    }
  }, [])

  useEffect(() => {
    if (!target || !area.current) return
    const lines = area.current.value.split('\n')
    const start = lines.slice(0, target.line - 1).join('\n').length + (target.line > 1 ? 1 : 0)
    area.current.focus()
    area.current.setSelectionRange(start, start + (lines[target.line - 1]?.length ?? 0))
  }, [target])

  return (
    <textarea
      ref={area}
      className="plain-editor"
      aria-label={`Code, ${path.split('/').at(-1)}`}
      value={value}
      style={{ fontSize }}
      spellCheck={false}
      autoCapitalize="off"
      autoComplete="off"
      autoCorrect="off"
      wrap="off"
      onChange={(event) => onChange(event.target.value)}
      onKeyDown={indent}
    />
  )
}

function indent(event: KeyboardEvent<HTMLTextAreaElement>): void {
  if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return
  const area = event.currentTarget
  if (event.key === 'Tab') insertText(area, '    ')
  else if (event.key === 'Enter') insertText(area, `\n${lineIndentation(area)}`)
  else return
  event.preventDefault()
}

/** The deprecated execCommand is the only way that keeps the undo history of the browser. */
function insertText(area: HTMLTextAreaElement, text: string): void {
  if (!document.execCommand('insertText', false, text)) area.setRangeText(text)
}

function lineIndentation(area: HTMLTextAreaElement): string {
  const before = area.value.slice(0, area.selectionStart)
  const line = before.slice(before.lastIndexOf('\n') + 1)
  return /^[ \t]*/.exec(line)?.[0] ?? ''
}
