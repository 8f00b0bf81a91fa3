import { Suspense } from 'react'
import { lazyPart } from '../components/lazyPart'
import type { EditorProps } from './editorProps'
import { PlainEditor } from './PlainEditor'

// Monaco does not support touch.
const isTouch = matchMedia('(pointer: coarse)').matches

// Two functions: in one expression, the build would preload the files of Monaco for both.
const loadTouchEditor = () => import('./TouchEditor')
const loadMonacoEditor = () => import('./MonacoEditor')
const LoadedEditor = lazyPart<EditorProps>(isTouch ? loadTouchEditor : loadMonacoEditor, PlainEditor)

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
