/** Opens share links, which contain a program, and short links, which contain the id of one that the server stores. */
import { RequestRejected } from '../api/errors'
import type { Language } from '../api/languages'
import { fetchLink } from '../api/links'
import { showNotice } from '../notices/notices'
import { openSharedProgram } from '../program/programActions'
import { downloadProgram } from '../program/savedPrograms'
import { useStore } from '../store'
import { decodeFragment, type SharedProgram } from './fragment'

const SHORT_LINK = /^\/p\/([\w-]+)$/
const EXPIRED =
  'This short link does not exist, or it has expired. Ask for the link again. Your own program is shown.'
const UNREACHABLE =
  'The program of this short link could not be loaded, because the server does not respond. Your own program is shown.'

/** Opens the program in the page's URL, or states what is wrong with the link. */
export async function openLink(): Promise<void> {
  const { href } = location
  const shared = await readSharedProgram()
  if (location.href !== href) return // Another link was opened in the meantime.
  if (typeof shared === 'string') reportLinkError(shared, [])
  else if (await isInstalled(shared.language)) openSharedProgram(shared.language, shared.program)
  else
    reportLinkError(
      `The link contains a program in the language "${shared.language}", which this server does not run. Your own program is shown.`,
      [{ text: 'Download it', run: () => downloadProgram(shared.program) }],
    )
}

/** Returns the program of the page's URL, or a text that states why there is none. */
async function readSharedProgram(): Promise<SharedProgram | string> {
  const id = SHORT_LINK.exec(location.pathname)?.[1]
  if (id === undefined) return decodeFragment(location.hash)
  try {
    return await decodeFragment((await fetchLink(id)).fragment)
  } catch (error) {
    return error instanceof RequestRejected ? EXPIRED : UNREACHABLE
  }
}

function reportLinkError(text: string, actions: { text: string; run(): void }[]): void {
  const { href } = location
  const retry = { text: 'Try again', run: () => location.assign(href) }
  history.replaceState(null, '', '/')
  const allActions = text === UNREACHABLE ? [retry, ...actions] : actions
  showNotice({ id: 'link', tone: 'bad', text, actions: allActions, durationMs: null })
}

/** Waits for the languages of the server if those of the last visit do not contain it. */
async function isInstalled(languageId: string): Promise<boolean> {
  const isListed = () => useStore.getState().languages.some(({ id }) => id === languageId)
  while (!isListed() && !useStore.getState().areLanguagesFetched) {
    const { languages, languagesError } = useStore.getState()
    // A visitor without the key that the server requires can read the program, and run it after entering a key.
    if (languagesError instanceof RequestRejected) {
      useStore.setState({ languages: [...languages, unknownLanguage(languageId)] })
      break
    }
    await new Promise<void>((resolve) => {
      const unsubscribe = useStore.subscribe(() => {
        unsubscribe()
        resolve()
      })
    })
  }
  return isListed()
}

function unknownLanguage(id: string): Language {
  return {
    id,
    name: id,
    version: null,
    version_of: null,
    file_name: 'main',
    template: '',
    compile: [],
    run: [],
    packages: [],
    limits: {},
  }
}
