/** Returns why a file cannot have this name, or null. The server checks the name, too. */
export function fileNameError(name: string, otherNames: string[]): string | null {
  if (name.trim() === '') return 'Enter a name.'
  if (otherNames.includes(name)) return 'Another file has this name.'
  if (name.startsWith('/') || name.split('/').some((part) => part === '' || part === '.' || part === '..')) {
    return 'The name must be a relative path inside the folder of the program.'
  }
  return null
}
