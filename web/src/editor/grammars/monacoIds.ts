/** Languages that have another id in Monaco, or the grammar of a similar language. */
const MONACO_IDS: Record<string, string> = {
  bash: 'shell',
  commonlisp: 'scheme',
  crystal: 'ruby',
  objectivec: 'objective-c',
  racket: 'scheme',
  raku: 'perl',
  sqlite: 'sql',
  text: 'plaintext',
}

export function monacoLanguage(languageId: string): string {
  return MONACO_IDS[languageId] ?? languageId
}
