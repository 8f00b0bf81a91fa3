import { Dialog } from '../layout/Dialog'
import { FONT_SIZES } from '../settings/fontSize'
import { THEMES } from '../settings/theme'
import type { DialogProperties } from './Dialogs'
import { KeySetting } from './KeySetting'

const NAMES = { system: 'As the system', light: 'Light', dark: 'Dark' }

export function SettingsDialog({ theme, fontSize, onTheme, onFontSize, onClose }: DialogProperties) {
  return (
    <Dialog title="Settings" onClose={onClose}>
      <fieldset className="setting">
        <legend>Theme</legend>
        {THEMES.map((name) => (
          <label key={name}>
            <input type="radio" name="theme" checked={name === theme} onChange={() => onTheme(name)} />
            {NAMES[name]}
          </label>
        ))}
      </fieldset>
      <div className="setting">
        <label htmlFor="font-size">Size of code and output</label>
        <input
          id="font-size"
          type="range"
          min={FONT_SIZES.least}
          max={FONT_SIZES.most}
          value={fontSize}
          onChange={(event) => onFontSize(Number(event.target.value))}
        />
        <output htmlFor="font-size">{fontSize} px</output>
      </div>
      <KeySetting />
    </Dialog>
  )
}
