/** The media types and the display of artifact names, which are untrusted. */

/** Image formats that the page shows. In an <img> element, none of them, not even SVG, executes code or loads a file. */
const IMAGE_TYPES: Record<string, string> = {
  png: 'image/png',
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  gif: 'image/gif',
  svg: 'image/svg+xml',
}

/** Returns the media type of an image, or null for a file that can only be downloaded. */
export function imageType(name: string): string | null {
  const extension = /\.([^./]+)$/.exec(name)?.[1]?.toLowerCase() ?? ''
  return IMAGE_TYPES[extension] ?? null
}

/** Replaces the characters of a name that would reorder, break or hide the text around it. */
export function displayName(name: string): string {
  return name.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '\ufffd')
}

/** Returns the last part of the path, without leading dots: a downloaded file is never hidden. */
export function downloadName(name: string): string {
  return displayName(name.split('/').at(-1) ?? '').replace(/^\.+/, '') || 'file'
}
