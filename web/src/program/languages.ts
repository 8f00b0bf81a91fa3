/** What can be run, also before the server has said so: from the last visit, or a first guess. */
import { useEffect, useState } from 'react'
import * as v from 'valibot'
import * as api from '../api/client'
import { KEY_CHANGED } from '../api/key'
import { Language } from '../api/schema'
import { readStored, writeStored } from '../settings/stored'

const KEY = 'languages'
const ASK_AGAIN_MS = 2000

/** Enough to begin typing with. */
const FIRST_GUESS: Language = {
  id: 'python',
  name: 'Python',
  version: null,
  file_name: 'main.py',
  template: '',
  limits: {},
}

export interface KnownLanguages {
  /** Never empty. */
  languages: Language[]
  /** Whether the server has said so, on this visit. */
  isSure: boolean
  error: Error | null
}

/** Asks until there is an answer: the page may be open before the server is up, and a worker tells its languages late. */
export function useLanguages(): KnownLanguages {
  const [known, setKnown] = useState<KnownLanguages>(() => ({
    languages: remembered(),
    isSure: false,
    error: null,
  }))
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout>
    const later = () => {
      timer = setTimeout(ask, ASK_AGAIN_MS)
    }
    const ask = () => {
      api.languages().then(
        (languages) => {
          if (languages.length === 0) return later()
          writeStored(KEY, languages)
          setKnown({ languages, isSure: true, error: null })
        },
        (error: Error) => {
          setKnown((before) => ({ ...before, error }))
          later()
        },
      )
    }
    const askAnew = () => {
      clearTimeout(timer)
      ask()
    }
    ask()
    addEventListener(KEY_CHANGED, askAnew)
    return () => {
      clearTimeout(timer)
      removeEventListener(KEY_CHANGED, askAnew)
    }
  }, [])
  return known
}

function remembered(): Language[] {
  const languages = readStored(KEY, v.array(Language)) ?? []
  return languages.length > 0 ? languages : [FIRST_GUESS]
}
