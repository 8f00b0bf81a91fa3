import { expect, test } from 'vitest'
import { displayName, downloadName, imageType } from '../../src/artifacts/fileNames'

test.each([
  ['plot.png', 'image/png'],
  ['out/Photo.JPG', 'image/jpeg'],
  ['figure.svg', 'image/svg+xml'],
  ['page.html', null],
  ['png', null],
  ['plot.png.exe', null],
])('imageType(%s) is %s', (name, type) => {
  expect(imageType(name)).toBe(type)
})

test('displayName replaces characters that would change the text around it', () => {
  expect(displayName('a\u202Egnp.exe')).toBe('a\uFFFDgnp.exe')
  expect(displayName('two\nlines\u2028')).toBe('two\uFFFDlines\uFFFD')
})

test('downloadName is the last part of the path without leading dots', () => {
  expect(downloadName('out/data.csv')).toBe('data.csv')
  expect(downloadName('.bashrc')).toBe('bashrc')
  expect(downloadName('...')).toBe('file')
})
