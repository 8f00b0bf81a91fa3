import { useCallback, useEffect, useState } from 'react'
import { Charts } from './Charts'
import { DeadLetters } from './DeadLetters'
import { Hosts } from './Hosts'
import { Queues } from './Queues'
import { Sandboxes } from './Sandboxes'
import { Tiles } from './Tiles'
import type { Trouble } from './trouble'
import { useLive } from './useLive'
import { Workers } from './Workers'
import { clock } from './words'

/** What was done last, for eyes and screen readers. */
export interface Notice {
  text: string
  isBad: boolean
}

const NOTICE_MS = 10_000

/** Everything that an admin key opens. */
export function Dashboard({ onKeyRefused }: { onKeyRefused(trouble: Trouble): void }) {
  const { now, trouble, refresh } = useLive(onKeyRefused)
  const [notice, setNotice] = useState<Notice | null>(null)
  useEffect(() => {
    const timer = setTimeout(() => setNotice(null), NOTICE_MS)
    return () => clearTimeout(timer)
  }, [notice])
  const done = useCallback(
    (told: Notice) => {
      setNotice(told)
      refresh()
    },
    [refresh],
  )
  return (
    <main className="admin" aria-busy={now === null && trouble === null}>
      <div className="statuses">
        <p role="status" className={trouble ? 'banner' : 'unseen'}>
          {trouble && `${trouble.text}${now ? ` What is shown is of ${clock(now.at)}.` : ''}`}
        </p>
        <p role="status" className={notice ? `banner ${notice.isBad ? '' : 'good'}` : 'unseen'}>
          {notice?.text}
        </p>
      </div>
      {now ? (
        <>
          <Tiles now={now} />
          <Charts samples={now.samples} at={now.at} />
          <Queues queues={now.queues} />
          <DeadLetters queues={now.queues} onDone={done} />
          <Workers workers={now.workers} />
          <Sandboxes figures={now.figures} />
          <Hosts hosts={now.hosts} />
          <p className="muted small">
            Asked every 2 seconds while this page is in front; charts begin when it is opened. Last answer at{' '}
            {clock(now.at)}.
          </p>
        </>
      ) : (
        !trouble && <p className="muted">Asking the API…</p>
      )}
    </main>
  )
}
