/** The languages of the server, cached in this browser so that the page starts without waiting for the server. */
import * as v from 'valibot'
import { Language } from '../api/languages'
import { readStored, writeStored } from '../storage'

const STORAGE_KEY = 'languages'

const DEFAULT_LANGUAGE: Language = {
  id: 'python',
  name: 'Python',
  version: null,
  version_of: null,
  file_name: 'main.py',
  template: '',
  compile: [],
  run: [],
  packages: [],
  limits: {},
}

/** Returns the languages of the last visit, or only Python. The list is never empty. */
export function readCachedLanguages(): Language[] {
  const languages = readStored(STORAGE_KEY, v.array(Language)) ?? []
  return languages.length > 0 ? languages : [DEFAULT_LANGUAGE]
}

export function cacheLanguages(languages: Language[]): void {
  writeStored(STORAGE_KEY, languages)
}

/** Returns the language with this id. The default is Python, or else the first one. */
export function findLanguage(languages: Language[], id: string | null): Language {
  const find = (languageId: string | null) => languages.find((language) => language.id === languageId)
  return find(id) ?? find(DEFAULT_LANGUAGE.id) ?? languages[0] ?? DEFAULT_LANGUAGE
}
