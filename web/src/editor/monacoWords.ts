/** Completes the words of the open file in Monaco. */
import { type editor, languages, type Position } from 'monaco-editor/editor'
import { findWords, MAX_WORDS, wordStart } from './words'

/**
 * Monaco's own completion of words asks a worker, which may read the text after the next key presses. It then suggests
 * the word that is being typed, and the Tab key accepts it instead of another word.
 *
 * Monaco uses this provider if that of the language has no suggestions.
 */
export function registerWords(): void {
  languages.registerCompletionItemProvider('*', { provideCompletionItems: completeWord })
}

function completeWord(model: editor.ITextModel, position: Position): languages.CompletionList {
  const { lineNumber, column } = position
  const line = model.getLineContent(lineNumber)
  const startColumn = wordStart(line, column - 1) + 1
  const replace = {
    startLineNumber: lineNumber,
    endLineNumber: lineNumber,
    startColumn,
    endColumn: model.getWordAtPosition(position)?.endColumn ?? column,
  }
  const insert = { ...replace, endColumn: column }
  const words = findWords(model.getLinesContent(), lineNumber - 1, line.slice(startColumn - 1, column - 1))
  return {
    incomplete: words.length === MAX_WORDS,
    suggestions: words.map((word) => ({
      kind: languages.CompletionItemKind.Text,
      label: word,
      insertText: word,
      range: { insert, replace },
    })),
  }
}
