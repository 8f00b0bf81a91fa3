import { useRef, useState } from 'react'
import { ACTIONS, type ActionName, failureOf } from './actions'
import { Confirmation } from './Confirmation'
import type { Notice } from './Dashboard'
import { DeadLetterRow } from './DeadLetterRow'
import type { DeadLetter, Queue } from './schema'
import { useDeadLetters } from './useDeadLetters'
import { counted } from './words'

interface Properties {
  queues: Queue[]
  onDone(notice: Notice): void
}

interface Chosen {
  action: ActionName
  letter: DeadLetter
}

/** What was given up, by queue, and what can be done about it. */
export function DeadLetters({ queues, onDone }: Properties) {
  const [chosen, setChosen] = useState<Chosen | null>(null)
  const [actions, setActions] = useState(0)
  const heading = useRef<HTMLHeadingElement>(null)
  const withDead = queues.filter(({ dead }) => dead > 0)
  const confirm = async ({ action, letter }: Chosen) => {
    try {
      await ACTIONS[action].act(letter)
      onDone({ text: ACTIONS[action].done, isBad: false })
    } catch (error) {
      onDone({ text: failureOf(error), isBad: true })
    }
    setActions((count) => count + 1)
    // The row will be gone, and the focus must not go with it.
    heading.current?.focus({ preventScroll: true })
  }
  return (
    <section className="card" aria-labelledby="dead-title">
      <h2 id="dead-title" ref={heading} tabIndex={-1}>
        Dead letters
      </h2>
      {withDead.length === 0 && (
        <p className="muted">None: everything that was accepted was done, or still will be.</p>
      )}
      {withDead.map(({ name, dead }) => (
        <QueueLetters
          key={name}
          queue={name}
          dead={dead}
          actions={actions}
          onChoose={(action, letter) => setChosen({ action, letter })}
        />
      ))}
      {chosen && (
        <Confirmation
          action={chosen.action}
          letter={chosen.letter}
          onConfirm={() => confirm(chosen)}
          onClose={() => setChosen(null)}
        />
      )}
    </section>
  )
}

interface QueueProperties {
  queue: string
  dead: number
  /** How many letters were replayed or dropped on this page. */
  actions: number
  onChoose(action: ActionName, letter: DeadLetter): void
}

function QueueLetters({ queue, dead, actions, onChoose }: QueueProperties) {
  const { letters, hasMore, mistake, more } = useDeadLetters(queue, `${dead} ${actions}`)
  return (
    <>
      <h3>
        {queue} <span className="muted">{counted(dead, 'letter')}, the newest first</span>
      </h3>
      {mistake && <p className="tone-bad">{mistake}</p>}
      <ul className="rows letters">
        {letters.map((letter) => (
          <DeadLetterRow key={letter.id} letter={letter} onChoose={(action) => onChoose(action, letter)} />
        ))}
      </ul>
      {hasMore && (
        <button type="button" className="button outlined" onClick={more}>
          Show more
        </button>
      )}
    </>
  )
}
