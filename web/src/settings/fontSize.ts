import * as v from 'valibot'
import { useStored } from './useStored'

/** In pixels. */
export const FONT_SIZES = { least: 11, usual: 14, most: 24 } as const

const FontSize = v.pipe(v.number(), v.minValue(FONT_SIZES.least), v.maxValue(FONT_SIZES.most))

export function useFontSize(): [number, (pixels: number) => void] {
  return useStored('fontSize', FontSize, FONT_SIZES.usual)
}
