/** Example programs: one file each in programs/LANGUAGE/. The first two lines are its title and its description. */

export interface Template {
  title: string
  description: string
  content: string
}

const FILES = import.meta.glob<string>('./programs/*/*', { query: '?raw', import: 'default', eager: true })
const HEADING = /^(?:#|\/\/) title: (?<title>.+)\n(?:#|\/\/) about: (?<description>.+)\n/

export function templatesFor(languageId: string): Template[] {
  return Object.entries(FILES).flatMap(([path, text]) => {
    const groups = HEADING.exec(text)?.groups
    if (!groups?.title || !groups.description || !path.includes(`/${languageId}/`)) return []
    return [{ title: groups.title, description: groups.description, content: text.replace(HEADING, '') }]
  })
}
