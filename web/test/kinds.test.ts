import { expect, test } from 'vitest'
import { downloadName, pictureType, readableName } from '../src/artifacts/kinds'

test.each([
  ['plot.png', 'image/png'],
  ['out/Photo.JPG', 'image/jpeg'],
  ['figure.svg', 'image/svg+xml'],
  ['page.html', null],
  ['png', null],
  ['plot.png.exe', null],
])('%s is shown as %s', (name, type) => {
  expect(pictureType(name)).toBe(type)
})

test('a name that would turn the text around it is made readable', () => {
  expect(readableName('a\u202Egnp.exe')).toBe('a\uFFFDgnp.exe')
  expect(readableName('two\nlines\u2028')).toBe('two\uFFFDlines\uFFFD')
})

test('a file is saved under the last part of its path, and never hidden', () => {
  expect(downloadName('out/data.csv')).toBe('data.csv')
  expect(downloadName('.bashrc')).toBe('bashrc')
  expect(downloadName('...')).toBe('file')
})
