import { useEffect, useState } from 'react'
import { Icon } from '../components/Icon'
import { type Notice, useStore } from '../store'
import { dismissNotice } from './notices'
import './notices.css'

/** All notices. F6 moves the focus to the first one. */
export default function NoticeList() {
  const notices = useStore((state) => state.notices)
  return (
    <section className="notices" aria-label="Notices" role="log" aria-live="polite">
      {notices.map((notice) => (
        <NoticeItem key={notice.id} notice={notice} />
      ))}
    </section>
  )
}

/** A notice disappears after its duration, but not while the pointer or the focus is on it. */
function NoticeItem({ notice: { id, tone, text, actions, durationMs } }: { notice: Notice }) {
  const [isHeld, setIsHeld] = useState(false)
  useEffect(() => {
    if (durationMs === null || isHeld) return
    const timer = setTimeout(() => dismissNotice(id), durationMs)
    return () => clearTimeout(timer)
  }, [id, durationMs, isHeld])
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the pointer only delays the end of the notice
    <div
      className={`notice tone-${tone}`}
      onPointerEnter={() => setIsHeld(true)}
      onPointerLeave={() => setIsHeld(false)}
      onFocus={() => setIsHeld(true)}
      onBlur={() => setIsHeld(false)}
    >
      <p>{text}</p>
      {actions.map((action) => (
        <button
          key={action.text}
          type="button"
          className="button outlined"
          onClick={() => {
            dismissNotice(id)
            action.run()
          }}
        >
          {action.text}
        </button>
      ))}
      <button type="button" className="button" aria-label="Dismiss" onClick={() => dismissNotice(id)}>
        <Icon name="close" />
      </button>
    </div>
  )
}
