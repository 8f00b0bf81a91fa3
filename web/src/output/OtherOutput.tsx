import { findLanguage } from '../program/languages'
import { openLanguage } from '../program/programActions'
import { isActive } from '../run/runState'
import { currentLanguage, useStore } from '../store'

/** Shown instead of the output of another program. */
export default function OtherOutput() {
  const isRunning = useStore((state) => isActive(state.run))
  const current = useStore((state) => currentLanguage(state).id)
  const owner = useStore((state) => state.outputOwner)
  const name = useStore((state) => findLanguage(state.languages, owner?.languageId ?? null).name)
  return (
    <div className="terminal-empty">
      <p>
        {isRunning
          ? `Your ${name} program is still running.`
          : 'This program has no output yet. Run it to see its output here.'}
      </p>
      {owner && owner.languageId !== current && (
        <p>
          <button type="button" className="button outlined" onClick={() => openLanguage(owner.languageId)}>
            Show the {name} program and its output
          </button>
        </p>
      )}
    </div>
  )
}
