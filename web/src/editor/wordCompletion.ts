import { autocompletion, completeAnyWord } from '@codemirror/autocomplete'

/** Completes the words of the file in CodeMirror. */
export const wordCompletion = autocompletion({ override: [completeAnyWord] })
