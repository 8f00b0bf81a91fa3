/** Changes of the settings of the code editor. */
import { writeStored } from '../storage'
import { type KeyBindings, useSettings } from './settings'

export function setKeyBindings(keyBindings: KeyBindings): void {
  writeStored('keyBindings', keyBindings)
  useSettings.setState({ keyBindings })
}

export function setLigatures(ligatures: boolean): void {
  writeStored('ligatures', ligatures)
  useSettings.setState({ ligatures })
}
