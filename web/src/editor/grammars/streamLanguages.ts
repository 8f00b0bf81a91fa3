/** The grammars of CodeMirror. Each is loaded with the first program of its language. */
import type { StreamParser } from '@codemirror/language'
import { DEFAULT_NAME, KEYWORD_GRAMMARS, type KeywordGrammar } from './keywordGrammars'

type Parser = StreamParser<unknown>

const clike = () => import('@codemirror/legacy-modes/mode/clike')
const javascript = () => import('@codemirror/legacy-modes/mode/javascript')

/** By the id that `syntaxId` returns. */
const LOADERS: Record<string, () => Promise<Parser>> = {
  bash: async () => (await import('@codemirror/legacy-modes/mode/shell')).shell as Parser,
  c: async () => (await clike()).c as Parser,
  clojure: async () => (await import('@codemirror/legacy-modes/mode/clojure')).clojure as Parser,
  commonlisp: async () => (await import('@codemirror/legacy-modes/mode/commonlisp')).commonLisp as Parser,
  cpp: async () => (await clike()).cpp as Parser,
  crystal: async () => (await import('@codemirror/legacy-modes/mode/crystal')).crystal as Parser,
  csharp: async () => (await clike()).csharp as Parser,
  erlang: async () => (await import('@codemirror/legacy-modes/mode/erlang')).erlang as Parser,
  fortran: async () => (await import('@codemirror/legacy-modes/mode/fortran')).fortran as Parser,
  go: async () => (await import('@codemirror/legacy-modes/mode/go')).go as Parser,
  haskell: async () => (await import('@codemirror/legacy-modes/mode/haskell')).haskell as Parser,
  java: async () => (await clike()).java as Parser,
  javascript: async () => (await javascript()).javascript as Parser,
  kotlin: async () => (await clike()).kotlin as Parser,
  lua: async () => (await import('@codemirror/legacy-modes/mode/lua')).lua as Parser,
  objectivec: async () => (await clike()).objectiveC as Parser,
  ocaml: async () => (await import('@codemirror/legacy-modes/mode/mllike')).oCaml as Parser,
  octave: async () => (await import('@codemirror/legacy-modes/mode/octave')).octave as Parser,
  pascal: async () => (await import('@codemirror/legacy-modes/mode/pascal')).pascal as Parser,
  perl: async () => (await import('@codemirror/legacy-modes/mode/perl')).perl as Parser,
  python: async () => (await import('@codemirror/legacy-modes/mode/python')).python as Parser,
  r: async () => (await import('@codemirror/legacy-modes/mode/r')).r as Parser,
  racket: async () => (await import('@codemirror/legacy-modes/mode/scheme')).scheme as Parser,
  raku: async () => (await import('@codemirror/legacy-modes/mode/perl')).perl as Parser,
  ruby: async () => (await import('@codemirror/legacy-modes/mode/ruby')).ruby as Parser,
  rust: async () => (await import('@codemirror/legacy-modes/mode/rust')).rust as Parser,
  scala: async () => (await clike()).scala as Parser,
  scheme: async () => (await import('@codemirror/legacy-modes/mode/scheme')).scheme as Parser,
  sqlite: async () => (await import('@codemirror/legacy-modes/mode/sql')).sqlite as Parser,
  swift: async () => (await import('@codemirror/legacy-modes/mode/swift')).swift as Parser,
  tcl: async () => (await import('@codemirror/legacy-modes/mode/tcl')).tcl as Parser,
  typescript: async () => (await javascript()).typescript as Parser,
}

/** The ids of all languages with a grammar. */
export const HIGHLIGHTED_LANGUAGES = new Set([...Object.keys(LOADERS), ...Object.keys(KEYWORD_GRAMMARS)])

/** Returns the grammar of a language, or null if it has none. */
export async function loadStreamParser(languageId: string): Promise<Parser | null> {
  const load = LOADERS[languageId]
  if (load) return load()
  const grammar = KEYWORD_GRAMMARS[languageId]
  return grammar ? (createStreamParser(grammar) as Parser) : null
}

function createStreamParser(grammar: KeywordGrammar): StreamParser<{ isInComment: boolean }> {
  const { blockComment, hasSingleQuotes, isCaseInsensitive } = grammar
  const keywords = new Set(grammar.keywords)
  const lineComment = new RegExp(`^(?:${grammar.lineComment})`)
  const string = hasSingleQuotes
    ? /^(?:"(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?)/
    : /^(?:"(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.[^']*)')/
  const name = new RegExp(`^(?:${grammar.name ?? DEFAULT_NAME})`, 'u')
  return {
    startState: () => ({ isInComment: false }),
    token(stream, state) {
      if (state.isInComment) {
        if (stream.skipTo(blockComment?.[1] ?? '')) {
          stream.match(blockComment?.[1] ?? '')
          state.isInComment = false
        } else stream.skipToEnd()
        return 'comment'
      }
      if (stream.eatSpace()) return null
      if (blockComment && stream.match(blockComment[0])) {
        state.isInComment = true
        return 'comment'
      }
      if (stream.match(lineComment)) return 'comment'
      if (stream.match(string)) return 'string'
      if (stream.match(/^\d[\w.]*/)) return 'number'
      const word = stream.match(name)
      if (word && typeof word !== 'boolean') {
        const text = isCaseInsensitive ? word[0].toLowerCase() : word[0]
        return keywords.has(text) ? 'keyword' : 'variable'
      }
      stream.next()
      return null
    },
  }
}
