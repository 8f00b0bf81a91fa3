import { lazy, Suspense } from 'react'
import type { EditorProps } from './editorProps'
import { PlainEditor } from './PlainEditor'

// Monaco does not support touch.
const isTouch = matchMedia('(pointer: coarse)').matches

const LoadedEditor = lazy(() => (isTouch ? import('./TouchEditor') : import('./MonacoEditor')))

/** A text area until the editor is loaded: CodeMirror on touch screens, Monaco on others. */
export function CodeEditor(props: EditorProps) {
  return (
    <div className="editor">
      <Suspense fallback={<PlainEditor {...props} />}>
        <LoadedEditor {...props} />
      </Suspense>
    </div>
  )
}
