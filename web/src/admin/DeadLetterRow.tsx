import { ACTIONS, type ActionName } from './actions'
import type { DeadLetter } from './schema'
import { ago, counted, readable } from './words'

interface Properties {
  letter: DeadLetter
  onChoose(action: ActionName): void
}

/** One dead letter. Whatever stands in it may be hostile: all of it is text. */
export function DeadLetterRow({ letter, onChoose }: Properties) {
  const died = new Date(letter.dead_lettered_at)
  return (
    <li>
      <details>
        <summary>
          <b>{letter.actor}</b> <span className="reason">{letter.reason}</span>
        </summary>
        <Text title="Message" text={readable(letter.message)} />
        {letter.traceback && <Text title="Traceback" text={letter.traceback} />}
      </details>
      <p className="muted small">
        <time dateTime={letter.dead_lettered_at} title={died.toLocaleString('en-GB')}>
          {ago((Date.now() - died.getTime()) / 1000)}
        </time>
        , after {counted(letter.attempts, 'attempt')}
        {letter.job_id && (
          <>
            , job <code>{letter.job_id}</code>
          </>
        )}
      </p>
      <div className="letter-buttons">
        {(['replay', 'drop'] as const).map((action) => (
          <button
            key={action}
            type="button"
            className="button outlined"
            aria-label={`${ACTIONS[action].name} ${letter.actor} ${letter.id}`}
            onClick={() => onChoose(action)}
          >
            {ACTIONS[action].name}
          </button>
        ))}
      </div>
    </li>
  )
}

function Text({ title, text }: { title: string; text: string }) {
  return (
    <>
      <h4>{title}</h4>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it may be wider than the page, and is scrolled by keys, too */}
      <pre tabIndex={0}>{text}</pre>
    </>
  )
}
