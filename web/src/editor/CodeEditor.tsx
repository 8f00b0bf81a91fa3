import { Suspense } from 'react'
import { lazyPart } from '../components/lazyPart'
import { useSettings } from '../settings/settings'
import type { EditorProps } from './editorProps'
import { PlainEditor } from './PlainEditor'

// Monaco does not support touch.
const isTouch = matchMedia('(pointer: coarse)').matches

// Two parts, so that the build preloads the files of Monaco only for Monaco.
const CodeMirrorEditor = lazyPart<EditorProps>(() => import('./TouchEditor'), PlainEditor)
const MonacoEditor = lazyPart<EditorProps>(() => import('./MonacoEditor'), PlainEditor)

/** A text area until the editor is loaded: CodeMirror on touch screens and with the keys of Vim or Emacs, else Monaco. */
export function CodeEditor(props: EditorProps) {
  const hasOwnKeys = useSettings(({ keyBindings }) => keyBindings !== 'default')
  const LoadedEditor = isTouch || hasOwnKeys ? CodeMirrorEditor : MonacoEditor
  return (
    <div className={hasOwnKeys ? 'editor own-keys' : 'editor'}>
      <Suspense fallback={<PlainEditor {...props} />}>
        <LoadedEditor {...props} />
      </Suspense>
    </div>
  )
}
