/** Programs to begin with, one file each in src/templates/LANGUAGE/. The first two lines tell what they are. */

export interface Template {
  title: string
  about: string
  content: string
}

const FILES = import.meta.glob<string>('../templates/*/*', { query: '?raw', import: 'default', eager: true })
const HEADING = /^(?:#|\/\/) title: (?<title>.+)\n(?:#|\/\/) about: (?<about>.+)\n/

export function templatesOf(language: string): Template[] {
  return Object.entries(FILES).flatMap(([path, text]) => {
    const groups = HEADING.exec(text)?.groups
    if (!groups?.title || !groups.about || !path.includes(`/${language}/`)) return []
    return [{ title: groups.title, about: groups.about, content: text.replace(HEADING, '') }]
  })
}
