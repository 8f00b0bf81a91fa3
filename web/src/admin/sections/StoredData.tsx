import { formatBytes } from '../../format'
import type { StoredFiles, StoredWorkspaces } from '../api/schema'
import { formatCount, formatDuration, formatQuantity } from '../format'

const SHOWN = 20

/** The workspaces of all callers, those that expire last first. */
export function WorkspaceTable({ stored, timestampMs }: { stored: StoredWorkspaces; timestampMs: number }) {
  const shown = stored.workspaces.slice(0, SHOWN)
  return (
    <section className="card" aria-labelledby="workspaces-title">
      <h2 id="workspaces-title">Workspaces</h2>
      <p className="muted">{formatQuantity(stored.total, 'workspace')}.</p>
      {shown.length > 0 && (
        <table className="stats-table">
          <thead>
            <tr>
              <th scope="col">Workspace</th>
              <th scope="col">Owner</th>
              <th scope="col">Files</th>
              <th scope="col">Size</th>
              <th scope="col">Jobs</th>
              <th scope="col">Expires in</th>
            </tr>
          </thead>
          <tbody>
            {shown.map((workspace) => (
              <tr key={workspace.id}>
                <th scope="row">
                  <code>{workspace.id}</code>
                </th>
                <td>{workspace.owner}</td>
                <td>{formatCount(workspace.files)}</td>
                <td>{formatBytes(workspace.size_bytes)}</td>
                <td>{formatCount(workspace.jobs)}</td>
                <td>{timeLeft(workspace.expires_at, timestampMs)}</td>
              </tr>
            ))}
          </tbody>
        </table>
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
        <table className="stats-table">
          <thead>
            <tr>
              <th scope="col">File</th>
              <th scope="col">Name</th>
              <th scope="col">Owner</th>
              <th scope="col">Size</th>
              <th scope="col">Expires in</th>
            </tr>
          </thead>
          <tbody>
            {shown.map((file) => (
              <tr key={file.file_id}>
                <th scope="row">
                  <code>{file.file_id}</code>
                </th>
                <td>
                  <bdi>{file.name || '–'}</bdi>
                </td>
                <td>{file.owner}</td>
                <td>{formatBytes(file.size_bytes)}</td>
                <td>{timeLeft(file.expires_at, timestampMs)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  )
}

function timeLeft(expiresAt: string, timestampMs: number): string {
  return formatDuration(Math.max(0, (new Date(expiresAt).getTime() - timestampMs) / 1000))
}
