import type { Language } from '../api/languages'

/** Languages whose programs are written in another language of the catalogue. */
const SYNTAX_IDS: Record<string, string> = {
  bun: 'typescript',
  clang: 'c',
  clangpp: 'cpp',
  deno: 'typescript',
  jest: 'javascript',
  junit: 'java',
  pypy: 'python',
}

/** Returns the id that selects the grammar, the linter, the formatter and the templates of a language. */
export function syntaxId({ id, version_of }: Pick<Language, 'id' | 'version_of'>): string {
  const familyId = version_of ?? id
  return SYNTAX_IDS[familyId] ?? familyId
}
