/** What the page does with a file, by its name. */

/** Pictures that are shown. In an image element none of them, SVG included, runs a script or loads anything. */
const PICTURES: Record<string, string> = {
  png: 'image/png',
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  gif: 'image/gif',
  svg: 'image/svg+xml',
}

/** The type to show it as, or null: then it is only for download. */
export function pictureType(name: string): string | null {
  const ending = /\.([^./]+)$/.exec(name)?.[1]?.toLowerCase() ?? ''
  return PICTURES[ending] ?? null
}

/** The name as it can be read: what would reorder, break or hide the text around it is shown as one sign. */
export function readableName(name: string): string {
  return name.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '\ufffd')
}

/** What it is called once it is downloaded: the last part of its path. */
export function downloadName(name: string): string {
  return readableName(name.split('/').at(-1) ?? '').replace(/^\.+/, '') || 'file'
}
