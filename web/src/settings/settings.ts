/** The settings of the pages, stored in this browser. The editor and the admin page share them. */
import * as v from 'valibot'
import { create } from 'zustand'
import { useMediaQuery } from '../components/useMediaQuery'
import { readStored, writeStored } from '../storage'

export const THEMES = ['system', 'light', 'dark'] as const
export type Theme = (typeof THEMES)[number]
export type ColorScheme = 'light' | 'dark'

/** In pixels. */
export const FONT_SIZES = { minimum: 11, default: 14, maximum: 24 } as const

export const KEY_BINDINGS = ['default', 'vim', 'emacs'] as const
export type KeyBindings = (typeof KEY_BINDINGS)[number]

/** The intervals between two updates of the admin page, in seconds. */
export const REFRESH_SECONDS = [1, 2, 5, 10, 30, 60] as const

const SCHEMAS = {
  /** public/theme.js reads it, too. */
  theme: v.picklist(THEMES),
  fontSize: v.pipe(v.number(), v.minValue(FONT_SIZES.minimum), v.maxValue(FONT_SIZES.maximum)),
  keyBindings: v.picklist(KEY_BINDINGS),
  ligatures: v.boolean(),
  /** The width of the code pane in per cent. */
  share: v.number(),
  adminRefreshSeconds: v.picklist(REFRESH_SECONDS),
}

interface Settings {
  theme: Theme
  fontSize: number
  keyBindings: KeyBindings
  /** Whether the font of the code joins characters such as `->`. */
  ligatures: boolean
  share: number
  adminRefreshSeconds: number
}

export const useSettings = create<Settings>(() => ({
  theme: readStored('theme', SCHEMAS.theme) ?? 'system',
  fontSize: readStored('fontSize', SCHEMAS.fontSize) ?? FONT_SIZES.default,
  keyBindings: readStored('keyBindings', SCHEMAS.keyBindings) ?? 'default',
  ligatures: readStored('ligatures', SCHEMAS.ligatures) ?? false,
  share: readStored('share', SCHEMAS.share) ?? 52,
  adminRefreshSeconds: readStored('adminRefreshSeconds', SCHEMAS.adminRefreshSeconds) ?? 2,
}))

export function setFontSize(fontSize: number): void {
  writeStored('fontSize', fontSize)
  useSettings.setState({ fontSize })
}

export function setCodePaneShare(share: number): void {
  writeStored('share', share)
  useSettings.setState({ share })
}

export function setAdminRefreshSeconds(adminRefreshSeconds: number): void {
  writeStored('adminRefreshSeconds', adminRefreshSeconds)
  useSettings.setState({ adminRefreshSeconds })
}

/** The document changes first, because effects of the components read its colours. */
export function setTheme(theme: Theme): void {
  writeStored('theme', theme)
  if (theme === 'system') delete document.documentElement.dataset.theme
  else document.documentElement.dataset.theme = theme
  useSettings.setState({ theme })
}

/** The colour scheme that the page shows: that of the theme, or of the system. */
export function useColorScheme(): ColorScheme {
  const theme = useSettings((settings) => settings.theme)
  const isSystemDark = useMediaQuery('(prefers-color-scheme: dark)')
  if (theme !== 'system') return theme
  return isSystemDark ? 'dark' : 'light'
}
