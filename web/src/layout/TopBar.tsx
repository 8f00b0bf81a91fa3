import { Icon, Logo } from '../components/Icon'
import { DIALOG_BUTTONS, MORE_BUTTON } from '../dialogs/dialogButtons'
import { openLanguage } from '../program/programActions'
import { currentLanguage, useStore } from '../store'
import { RunButton } from './RunButton'

/** The bar at the top: the language, the dialogs and the run button. */
export function TopBar({ isNarrow }: { isNarrow: boolean }) {
  const languages = useStore((state) => state.languages)
  const language = useStore(currentLanguage)
  return (
    <header className="top-bar">
      <h1 className="brand">
        <Logo />
        <span className="wordmark">Pyxec</span>
      </h1>
      <select
        className="select"
        aria-label="Language"
        value={language.id}
        onChange={(event) => openLanguage(event.target.value)}
      >
        {languages.map(({ id, name, version }) => (
          <option key={id} value={id}>
            {name} {version}
          </option>
        ))}
      </select>
      <div className="space" />
      {(isNarrow ? [MORE_BUTTON] : DIALOG_BUTTONS).map(({ name, text, icon }) => (
        <button
          key={name}
          type="button"
          className="button"
          title={text}
          onClick={() => useStore.setState({ dialog: name })}
        >
          <Icon name={icon} />
          <span className="label">{text}</span>
        </button>
      ))}
      <RunButton />
    </header>
  )
}
