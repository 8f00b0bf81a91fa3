import { lazy, Suspense } from 'react'
import type { EditorProps } from './editorProps'
import { PlainEditor } from './PlainEditor'

const MonacoEditor = lazy(() => import('./MonacoEditor'))

// Monaco does not support touch. A text area has the selection handles and the keyboard of the phone.
const isTouch = matchMedia('(pointer: coarse)').matches

/** A text area until Monaco is loaded, then Monaco. */
export function CodeEditor(props: EditorProps) {
  const plain = <PlainEditor {...props} />
  return (
    <div className="editor">
      {isTouch ? (
        plain
      ) : (
        <Suspense fallback={plain}>
          <MonacoEditor {...props} />
        </Suspense>
      )}
    </div>
  )
}
