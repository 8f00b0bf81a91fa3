/** Why a file cannot be called this; null when it can. The server has the last word. */
export function whyNotName(name: string, others: string[]): string | null {
  if (name.trim() === '') return 'A file needs a name'
  if (others.includes(name)) return 'There is a file of this name'
  if (name.startsWith('/') || name.split('/').some((part) => part === '' || part === '.' || part === '..')) {
    return 'A name is relative and inside the program’s folder'
  }
  return null
}
