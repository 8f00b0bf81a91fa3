import { type FormEvent, useState } from 'react'

import type { StorageArea } from '../storage'
import { apiKeyError, saveApiKey } from './apiKeyStorage'

/** Where a key can be stored, and the labels of the choice. */
export const STORAGE_AREAS: readonly { area: StorageArea; label: string }[] = [
  { area: 'tab', label: 'Store for this tab' },
  { area: 'browser', label: 'Store in this browser' },
]

interface ApiKeyForm {
  text: string
  setText(text: string): void
  area: StorageArea
  setArea(area: StorageArea): void
  /** Why the text cannot be a key, after an attempt to save it. */
  error: string | null
  onSubmit(event: FormEvent): void
}

/** The state of a form that saves an API key. */
export function useApiKeyForm(onSaved: () => void): ApiKeyForm {
  const [text, setText] = useState('')
  const [area, setArea] = useState<StorageArea>('tab')
  const [error, setError] = useState<string | null>(null)
  const onSubmit = (event: FormEvent) => {
    event.preventDefault()
    const keyError = apiKeyError(text.trim())
    setError(keyError)
    if (keyError) return
    saveApiKey(text.trim(), area)
    onSaved()
  }
  return { text, setText, area, setArea, error, onSubmit }
}
