import { formatBytes } from '../../format'
import type { StoredFiles, StoredWorkspaces } from '../api/schema'
import { formatCount, formatDuration, formatQuantity } from '../format'
import { StatsTable } from './StatsTable'

const SHOWN = 20

/** The workspaces of all callers, those that expire last first. */
export function WorkspaceTable({ stored, timestampMs }: { stored: StoredWorkspaces; timestampMs: number }) {
  const shown = stored.workspaces.slice(0, SHOWN)
  return (
    <section className="card" aria-labelledby="workspaces-title">
      <h2 id="workspaces-title">Workspaces</h2>
      <p className="muted">{formatQuantity(stored.total, 'workspace')}.</p>
      {shown.length > 0 && (
        <StatsTable
          rows={shown}
          rowKey={({ id }) => id}
          columns={[
            { title: 'Workspace', cell: ({ id }) => <code>{id}</code> },
            { title: 'Owner', cell: ({ owner }) => owner },
            { title: 'Files', cell: ({ files }) => formatCount(files) },
            { title: 'Size', cell: ({ size_bytes }) => formatBytes(size_bytes) },
            { title: 'Jobs', cell: ({ jobs }) => formatCount(jobs) },
            { title: 'Expires in', cell: ({ expires_at }) => timeLeft(expires_at, timestampMs) },
          ]}
        />
      )}
    </section>
  )
}

/** The files of all callers, those that expire last first. Their names are untrusted, and shown as text. */
export function FileTable({ stored, timestampMs }: { stored: StoredFiles; timestampMs: number }) {
  const shown = stored.files.slice(0, SHOWN)
  return (
    <section className="card" aria-labelledby="files-title">
      <h2 id="files-title">Files</h2>
      <p className="muted">
        {formatQuantity(stored.total, 'file')}. Files, uploads and workspaces take{' '}
        {formatBytes(stored.size_bytes)} of the file storage.
      </p>
      {shown.length > 0 && (
        <StatsTable
          rows={shown}
          rowKey={({ file_id }) => file_id}
          columns={[
            { title: 'File', cell: ({ file_id }) => <code>{file_id}</code> },
            { title: 'Name', cell: ({ name }) => <bdi>{name || '–'}</bdi> },
            { title: 'Owner', cell: ({ owner }) => owner },
            { title: 'Size', cell: ({ size_bytes }) => formatBytes(size_bytes) },
            { title: 'Expires in', cell: ({ expires_at }) => timeLeft(expires_at, timestampMs) },
          ]}
        />
      )}
    </section>
  )
}

function timeLeft(expiresAt: string, timestampMs: number): string {
  return formatDuration(Math.max(0, (new Date(expiresAt).getTime() - timestampMs) / 1000))
}
