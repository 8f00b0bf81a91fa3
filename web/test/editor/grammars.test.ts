import { readdirSync, readFileSync } from 'node:fs'
import { StringStream } from '@codemirror/language'
import { expect, test } from 'vitest'
import { KEYWORD_GRAMMARS } from '../../src/editor/grammars/keywordGrammars'
import { monacoLanguage } from '../../src/editor/grammars/monacoIds'
import { HIGHLIGHTED_LANGUAGES, loadStreamParser } from '../../src/editor/grammars/streamLanguages'
import { syntaxId } from '../../src/program/syntax'

const CATALOGUE = readdirSync('../languages').flatMap((name) => name.match(/^(.*)\.toml$/)?.[1] ?? [])

/** Each language of the catalogue has another set of keywords, but all of them have strings and numbers. */
async function tokenize(languageId: string, line: string): Promise<string[]> {
  const parser = await loadStreamParser(languageId)
  if (!parser) return []
  const state = parser.startState?.(4)
  const stream = new StringStream(line, 4, 4)
  const tokens: string[] = []
  while (!stream.eol()) {
    stream.start = stream.pos
    const token = parser.token(stream, state)
    if (token) tokens.push(`${token} ${stream.current()}`)
  }
  return tokens
}

/** The ids of the languages that monaco.ts registers. monaco.ts itself needs a browser. */
function monacoIds(): Set<string> {
  const imports = readFileSync('src/editor/monaco.ts', 'utf8').matchAll(
    /'monaco-editor\/languages\/(definitions\/.+)'/g,
  )
  const ids = [...imports].flatMap(([, path]) => {
    const text = readFileSync(`node_modules/monaco-editor/esm/vs/languages/${path}.js`, 'utf8')
    return [...text.matchAll(/\bid: "([^"]+)"/g)].map(([, id]) => id as string)
  })
  return new Set([...ids, ...Object.keys(KEYWORD_GRAMMARS)])
}

test.each(CATALOGUE)('%s has a grammar in CodeMirror', async (id) => {
  const languageId = syntaxId({ id, version_of: null })
  expect(HIGHLIGHTED_LANGUAGES).toContain(languageId)
  const parser = await loadStreamParser(languageId)
  expect(parser?.token).toBeTypeOf('function')
})

test.each(CATALOGUE)('%s has a grammar in Monaco', (id) => {
  expect(monacoIds()).toContain(monacoLanguage(syntaxId({ id, version_of: null })))
})

test.each([
  ['java', null, 'java'],
  ['java-25', 'java', 'java'],
  ['deno', null, 'typescript'],
  ['pypy-3.11', 'pypy', 'python'],
])('the syntax of %s, a version of %s, is that of %s', (id, version_of, expected) => {
  expect(syntaxId({ id, version_of })).toBe(expected)
})

test.each([
  ['ada', 'Begin -- text', ['keyword Begin', 'comment -- text']],
  [
    'cobol',
    "End-If Display big-text 'a' *> text",
    ['keyword End-If', 'keyword Display', 'variable big-text', "string 'a'", 'comment *> text'],
  ],
  ['nim', 'let x = "a" # text', ['keyword let', 'variable x', 'string "a"', 'comment # text']],
  ['prolog', "halt. /* text */ 'a b'", ['keyword halt', 'comment /*', 'comment  text */', "string 'a b'"]],
  ['zig', "@min('\"', 1) // text", ['variable @min', "string '\"'", 'number 1', 'comment // text']],
])('grammar of %s finds the tokens of a line', async (languageId, line, tokens) => {
  expect(await tokenize(languageId, line)).toEqual(tokens)
})
