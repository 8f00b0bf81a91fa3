import { lazy, Suspense, useRef } from 'react'
import type { Scheme } from '../settings/theme'
import { PlainEditor } from './PlainEditor'
import type { Finding, Place } from './place'

export interface EditorProperties {
  /** Tells the files of all programs apart: another path is another document with its own undo history. */
  path: string
  language: string
  value: string
  scheme: Scheme
  fontSize: number
  findings: Finding[]
  /** Where to go now; a new object each time. */
  target: Place | null
  onChange(value: string): void
}

const MonacoEditor = lazy(() => import('./MonacoEditor'))

// Monaco does not support touch; a phone's keyboard and selection handles work with a plain text area.
const isTouch = matchMedia('(pointer: coarse)').matches

/** The editor: a plain text area at once, Monaco as soon as it is there. */
export function CodeEditor(properties: EditorProperties) {
  const box = useRef<HTMLDivElement>(null)
  const plain = <PlainEditor {...properties} />
  return (
    <div className="editor" ref={box}>
      {isTouch ? (
        plain
      ) : (
        <Suspense fallback={plain}>
          <MonacoEditor {...properties} />
        </Suspense>
      )}
    </div>
  )
}
