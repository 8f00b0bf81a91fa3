import { useCallback, useEffect, useState } from 'react'
import { REFRESH_SECONDS, setAdminRefreshSeconds, useSettings } from '../settings/settings'
import { ChartGrid } from './charts/ChartGrid'
import { DeadLetterSection } from './deadLetters/DeadLetterSection'
import { formatTime } from './format'
import type { RequestError } from './live/requestError'
import { useLiveData } from './live/useLiveData'
import type { Notice } from './notice'
import { EngineTable } from './sections/EngineTable'
import { HostLanguages } from './sections/HostLanguages'
import { QueueTable } from './sections/QueueTable'
import { SandboxStats } from './sections/SandboxStats'
import { StatTiles } from './sections/StatTiles'
import { FileTable, WorkspaceTable } from './sections/StoredData'
import { WorkerList } from './sections/WorkerList'

const NOTICE_MS = 10_000

/** The state of the service. Requires an admin key. */
export function Dashboard({ onKeyRejected }: { onKeyRejected(error: RequestError): void }) {
  const { snapshot, error, refresh } = useLiveData(onKeyRejected)
  const refreshSeconds = useSettings((settings) => settings.adminRefreshSeconds)
  const [notice, setNotice] = useState<Notice | null>(null)
  useEffect(() => {
    if (notice === null) return
    const timer = setTimeout(() => setNotice(null), NOTICE_MS)
    return () => clearTimeout(timer)
  }, [notice])
  const showNotice = useCallback(
    (next: Notice) => {
      setNotice(next)
      refresh()
    },
    [refresh],
  )
  return (
    <main className="admin" aria-busy={snapshot === null && error === null}>
      <div className="banners">
        <p role="status" className={error ? 'banner' : 'visually-hidden'}>
          {error?.text} {error && snapshot && `Showing data of ${formatTime(snapshot.timestampMs)}.`}
        </p>
        <p role="status" className={notice ? `banner ${notice.isError ? '' : 'good'}` : 'visually-hidden'}>
          {notice?.text}{' '}
          {notice?.actions?.map((action) => (
            <button key={action.text} type="button" className="button outlined" onClick={action.run}>
              {action.text}
            </button>
          ))}
        </p>
      </div>
      {snapshot ? (
        <>
          <StatTiles snapshot={snapshot} />
          <ChartGrid samples={snapshot.samples} timestampMs={snapshot.timestampMs} />
          <QueueTable queues={snapshot.queues} onNotice={showNotice} />
          <DeadLetterSection
            queues={snapshot.queues}
            timestampMs={snapshot.timestampMs}
            onNotice={showNotice}
          />
          <WorkerList workers={snapshot.workers} />
          <EngineTable engines={snapshot.engines} />
          <SandboxStats metrics={snapshot.metrics} />
          <WorkspaceTable stored={snapshot.workspaces} timestampMs={snapshot.timestampMs} />
          <FileTable stored={snapshot.files} timestampMs={snapshot.timestampMs} />
          <HostLanguages hosts={snapshot.hosts} />
          <p className="muted small">
            <label>
              Update every{' '}
              <select
                className="select"
                aria-label="Refresh interval"
                value={refreshSeconds}
                onChange={(event) => {
                  setAdminRefreshSeconds(Number(event.target.value))
                  refresh()
                }}
              >
                {REFRESH_SECONDS.map((seconds) => (
                  <option key={seconds} value={seconds}>
                    {seconds} s
                  </option>
                ))}
              </select>
            </label>{' '}
            while this page is visible. Charts start when the page is opened. Last update at{' '}
            {formatTime(snapshot.timestampMs)}.
          </p>
        </>
      ) : (
        !error && <p className="muted">Loading…</p>
      )}
    </main>
  )
}
