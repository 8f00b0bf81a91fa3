import { type KeyboardEvent, useEffect, useLayoutEffect, useRef } from 'react'
import type { EditorProperties } from './CodeEditor'
import { leaveHandover } from './place'

/** A text area that can do what typing code needs at least: Tab indents, Enter keeps the indentation. */
export function PlainEditor({ path, value, fontSize, target, onChange }: EditorProperties) {
  const area = useRef<HTMLTextAreaElement>(null)

  useLayoutEffect(() => {
    const going = area.current
    return () => {
      if (going) leaveHandover(going)
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
  if (event.key === 'Tab') insert(area, '    ')
  else if (event.key === 'Enter') insert(area, `\n${indentationAt(area)}`)
  else return
  event.preventDefault()
}

/** As if typed: execCommand is the one way that keeps the browser's own undo history. */
function insert(area: HTMLTextAreaElement, text: string): void {
  if (!document.execCommand('insertText', false, text)) area.setRangeText(text)
}

function indentationAt(area: HTMLTextAreaElement): string {
  const before = area.value.slice(0, area.selectionStart)
  const line = before.slice(before.lastIndexOf('\n') + 1)
  return /^[ \t]*/.exec(line)?.[0] ?? ''
}
