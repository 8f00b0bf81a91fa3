import { readdirSync } from 'node:fs'
import { StringStream } from '@codemirror/language'
import { expect, test } from 'vitest'
import { HIGHLIGHTED_LANGUAGES, loadStreamParser } from '../../src/editor/grammars/streamLanguages'

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

test.each(CATALOGUE)('%s has a grammar', async (languageId) => {
  expect(HIGHLIGHTED_LANGUAGES).toContain(languageId)
  const parser = await loadStreamParser(languageId)
  expect(parser?.token).toBeTypeOf('function')
})

test.each([
  ['ada', 'Begin -- text', ['keyword Begin', 'comment -- text']],
  ['nim', 'let x = "a" # text', ['keyword let', 'variable x', 'string "a"', 'comment # text']],
  ['prolog', "halt. /* text */ 'a b'", ['keyword halt', 'comment /*', 'comment  text */', "string 'a b'"]],
])('grammar of %s finds the tokens of a line', async (languageId, line, tokens) => {
  expect(await tokenize(languageId, line)).toEqual(tokens)
})
