import { closeSharedProgram, keepSharedProgram } from '../program/programActions'
import { currentLanguage, useStore } from '../store'
import './sharedBanner.css'

/** Marks the program that is shown as a shared one. An edit keeps it, too. */
export default function SharedBanner() {
  const language = useStore((state) => currentLanguage(state).name)
  return (
    <div className="shared-banner" role="note">
      <p>
        <b>Shared program.</b> Your own {language} program is unchanged.
      </p>
      <button type="button" className="button outlined" onClick={keepSharedProgram}>
        Keep
      </button>
      <button type="button" className="button" onClick={closeSharedProgram}>
        Show my program
      </button>
    </div>
  )
}
