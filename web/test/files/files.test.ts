import { strToU8, zipSync } from 'fflate'
import { expect, test } from 'vitest'
import { guessLanguage } from '../../src/files/openFiles'
import { createZip, readZip } from '../../src/files/zip'
import { LANGUAGE } from '../fixtures'

const GO = { ...LANGUAGE, id: 'go', file_name: 'main.go' }
const file = (name: string) => ({ name, content: `content of ${name}` })

test('readZip returns the files of createZip', () => {
  const files = [file('main.py'), file('lib/ä.py')]

  expect(readZip(createZip(files))).toEqual(files)
})

test('readZip removes the folder that contains all files', () => {
  expect(
    readZip(createZip([file('project/main.py'), file('project/lib/a.py')])).map(({ name }) => name),
  ).toEqual(['main.py', 'lib/a.py'])
})

test.each([
  [new Uint8Array([1, 2, 3]), 'not a ZIP archive'],
  [zipSync({}), 'contains no file'],
  [zipSync({ huge: new Uint8Array(17 * 1024 * 1024) }), 'more than 16 MiB'],
  [
    zipSync(Object.fromEntries(Array.from({ length: 65 }, (_, n) => [`${n}`, strToU8('')]))),
    'more than 64 files',
  ],
])('readZip rejects an archive (%#) and states why', (archive, reason) => {
  expect(() => readZip(archive)).toThrow(reason)
})

test.each([
  [['notes.txt', 'main.go'], 'go', 'main.go'],
  [['helper.go'], 'go', 'helper.go'],
  [['a.unknown'], 'python', 'a.unknown'],
  [['x.go', 'main.py'], 'python', 'main.py'],
])('guessLanguage of %j is %s with the entry %s', (names, id, entry) => {
  const guess = guessLanguage(names.map(file), [LANGUAGE, GO], LANGUAGE)

  expect([guess.language.id, guess.entry.name]).toEqual([id, entry])
})
