/** Copies a text to the clipboard. Returns false if the browser refuses. */
export async function copyText(text: string): Promise<boolean> {
  try {
    // Only a secure origin (HTTPS, localhost) has a clipboard.
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    return copySelection(text)
  }
}

function copySelection(text: string): boolean {
  const focused = document.activeElement
  // An open dialog makes all elements outside of it inert.
  const parent = document.querySelector('dialog[open]') ?? document.body
  const area = document.createElement('textarea')
  area.value = text
  parent.append(area)
  area.select()
  const isCopied = document.execCommand('copy')
  area.remove()
  if (focused instanceof HTMLElement) focused.focus()
  return isCopied
}
