/** Registers the grammars that Monaco does not have. */
import { languages } from 'monaco-editor/editor'
import { DEFAULT_NAME, KEYWORD_GRAMMARS, type KeywordGrammar } from './keywordGrammars'

/** Monaco has these two. */
const BUILT_IN = new Set(['elixir', 'php'])

export function registerKeywordGrammars(): void {
  for (const [id, grammar] of Object.entries(KEYWORD_GRAMMARS)) {
    if (BUILT_IN.has(id)) continue
    languages.register({ id })
    languages.setMonarchTokensProvider(id, createMonarch(grammar))
    languages.setLanguageConfiguration(id, createConfiguration(grammar))
  }
}

function createMonarch(grammar: KeywordGrammar): languages.IMonarchLanguage {
  const { keywords, lineComment, blockComment, hasSingleQuotes, isCaseInsensitive = false } = grammar
  const [open, close] = (blockComment ?? []).map(escapeRegExp)
  return {
    ignoreCase: isCaseInsensitive,
    keywords,
    brackets: [
      { open: '{', close: '}', token: 'delimiter.curly' },
      { open: '[', close: ']', token: 'delimiter.square' },
      { open: '(', close: ')', token: 'delimiter.parenthesis' },
    ],
    tokenizer: {
      root: [
        ...(open ? [[new RegExp(open), 'comment', '@comment'] as languages.IMonarchLanguageRule] : []),
        [new RegExp(lineComment), 'comment'],
        [/"(?:[^"\\]|\\.)*"?/, 'string'],
        [hasSingleQuotes ? /'(?:[^'\\]|\\.|'')*'?/ : /'(?:[^'\\]|\\.[^']*)'/, 'string'],
        [/\d[\w.]*/, 'number'],
        [
          new RegExp(grammar.name ?? DEFAULT_NAME, 'u'),
          { cases: { '@keywords': 'keyword', '@default': 'identifier' } },
        ],
        [/[{}()[\]]/, '@brackets'],
      ],
      comment: close
        ? [
            [new RegExp(close), 'comment', '@pop'],
            [/./, 'comment'],
          ]
        : [],
    },
  }
}

function createConfiguration({ blockComment, lineComment }: KeywordGrammar): languages.LanguageConfiguration {
  const mark = /^[(\\]?(--|\/\/|\*>|[#%!;])|^\[([%#])/.exec(lineComment)
  const line = mark?.[1] ?? mark?.[2]
  return {
    comments: { ...(line && { lineComment: line }), ...(blockComment && { blockComment }) },
    brackets: [
      ['{', '}'],
      ['[', ']'],
      ['(', ')'],
    ],
    autoClosingPairs: ['{}', '[]', '()', '""'].map((pair) => ({
      open: pair.charAt(0),
      close: pair.charAt(1),
    })),
  }
}

function escapeRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
}
