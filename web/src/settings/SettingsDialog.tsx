import { Dialog } from '../components/Dialog'
import { ApiKeySetting } from './ApiKeySetting'
import { FONT_SIZES, setFontSize, setTheme, THEMES, useSettings } from './settings'

const THEME_LABELS = { system: 'System', light: 'Light', dark: 'Dark' }

export function SettingsDialog({ onClose }: { onClose(): void }) {
  const { theme, fontSize } = useSettings()
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
      <ApiKeySetting />
    </Dialog>
  )
}
