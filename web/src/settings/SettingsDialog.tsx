import { Dialog } from '../components/Dialog'
import { ApiKeySetting } from './ApiKeySetting'
import { setKeyBindings, setLigatures } from './editorSettings'
import { FONT_SIZES, KEY_BINDINGS, setFontSize, setTheme, THEMES, useSettings } from './settings'

const KEY_BINDING_LABELS = { default: 'Standard', vim: 'Vim', emacs: 'Emacs' }
const THEME_LABELS = { system: 'System', light: 'Light', dark: 'Dark' }

export function SettingsDialog({ onClose }: { onClose(): void }) {
  const { theme, fontSize, keyBindings, ligatures } = useSettings()
  return (
    <Dialog title="Settings" onClose={onClose}>
      <fieldset className="setting">
        <legend>Theme</legend>
        {THEMES.map((name) => (
          <label key={name}>
            <input type="radio" name="theme" checked={name === theme} onChange={() => setTheme(name)} />
            {THEME_LABELS[name]}
          </label>
        ))}
      </fieldset>
      <div className="setting">
        <label htmlFor="font-size">Font size of code and output</label>
        <input
          id="font-size"
          type="range"
          min={FONT_SIZES.minimum}
          max={FONT_SIZES.maximum}
          value={fontSize}
          onChange={(event) => setFontSize(Number(event.target.value))}
        />
        <output htmlFor="font-size">{fontSize} px</output>
      </div>
      <fieldset className="setting">
        <legend>Font</legend>
        <label>
          <input
            type="checkbox"
            checked={ligatures}
            onChange={(event) => setLigatures(event.target.checked)}
          />
          Ligatures in the code: -&gt; and != become one sign
        </label>
      </fieldset>
      <fieldset className="setting">
        <legend>Keys of the code editor</legend>
        {KEY_BINDINGS.map((name) => (
          <label key={name}>
            <input
              type="radio"
              name="key-bindings"
              checked={name === keyBindings}
              onChange={() => setKeyBindings(name)}
            />
            {KEY_BINDING_LABELS[name]}
          </label>
        ))}
      </fieldset>
      <ApiKeySetting />
    </Dialog>
  )
}
