import fc from 'fast-check'
import { expect, test } from 'vitest'
import { restoreStyles } from '../../src/terminal/styleSequences'

type Styles = Record<string, string>

/** The styles after a text, computed parameter by parameter, see ECMA-48, section 8.3.117. */
function stylesAfter(text: string): Styles {
  let styles: Styles = {}
  // biome-ignore lint/suspicious/noControlCharactersInRegex: matches escape sequences
  for (const [, parameters = ''] of text.matchAll(/\x1b\[([\d;:]*)m/g)) {
    const values = parameters.split(';')
    for (let at = 0; at < values.length; at += 1) {
      const value = Number(values[at])
      const isExtended = value === 38 || value === 48
      const length = isExtended ? (values[at + 1] === '5' ? 3 : 5) : 1
      const sequence = values.slice(at, at + length).join(';')
      at += length - 1
      if (value === 0) styles = {}
      else if (value === 1 || value === 22) styles.bold = sequence
      else if (value === 4 || value === 24) styles.underline = sequence
      else if ((value >= 30 && value <= 39) || (value >= 90 && value <= 97)) styles.foreground = sequence
      else styles.background = sequence
    }
  }
  return styles
}

const parameter = fc.oneof(
  fc.constantFrom('0', '1', '4', '22', '24', '31', '39', '42', '49', '92', '103', '', '0;31', '1;44'),
  fc.integer({ min: 0, max: 255 }).map((color) => `38;5;${color}`),
  fc.integer({ min: 0, max: 255 }).map((color) => `48;2;1;2;${color}`),
  fc.integer({ min: 0, max: 255 }).map((color) => `1;38;5;${color};4`),
)

test('restored styles are those of the whole text', () => {
  fc.assert(
    fc.property(fc.array(fc.array(parameter)), (texts) => {
      const sequences = texts.map((parameters) => parameters.map((value) => `text\x1b[${value}m`).join(''))

      expect(stylesAfter(restoreStyles(sequences) ?? '')).toEqual(stylesAfter(sequences.join('')))
    }),
  )
})

test('restored styles are short after many colours', () => {
  const colors = Array.from({ length: 100_000 }, (_, index) => `\x1b[38;2;0;${index % 256};${index >> 8}mx`)

  expect(restoreStyles(colors)?.length).toBeLessThan(30)
})

test('too many different sequences are not restored', () => {
  const sequences = Array.from({ length: 2000 }, (_, index) => `\x1b[1;38;5;${index}m`)

  expect(restoreStyles(sequences)).toBeNull()
})
