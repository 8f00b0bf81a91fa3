/** Keeps the languages of the server in the store. */
import { API_KEY_CHANGED } from '../api/apiKey'
import { fetchLanguages } from '../api/languages'
import { useStore, withStoredDraft } from '../store'
import { cacheLanguages, findLanguage } from './languages'

const FETCH_RETRY_MS = 2000

const { setState } = useStore

/** Fetches the languages until the server returns some, and again when the API key changes. */
export function watchLanguages(): void {
  let timer: ReturnType<typeof setTimeout>
  const fetchOnce = () => {
    clearTimeout(timer)
    fetchLanguages().then(
      (languages) => {
        // The list is empty until a worker has reported its languages.
        if (languages.length === 0) return retry()
        cacheLanguages(languages)
        setState(({ languageId, drafts }) => ({
          languages,
          languagesError: null,
          areLanguagesFetched: true,
          drafts: withStoredDraft(drafts, findLanguage(languages, languageId).id),
        }))
      },
      (languagesError: Error) => {
        setState({ languagesError })
        retry()
      },
    )
  }
  const retry = () => {
    timer = setTimeout(fetchOnce, FETCH_RETRY_MS)
  }
  addEventListener(API_KEY_CHANGED, fetchOnce)
  fetchOnce()
}
