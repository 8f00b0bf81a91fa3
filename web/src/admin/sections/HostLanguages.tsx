import { formatBytes } from '../../format'
import type { Host } from '../api/schema'
import { formatAgo } from '../format'
import { type Column, StatsTable } from './StatsTable'

type Language = Host['languages'][number]

const COLUMNS: readonly [Column<Language>, ...Column<Language>[]] = [
  { title: 'Language', cell: ({ name }) => name },
  { title: 'Version', cell: ({ version }) => version ?? '–' },
  { title: 'Size', cell: ({ image_bytes }) => (image_bytes === null ? '–' : formatBytes(image_bytes)) },
  { title: 'Image', className: 'image', cell: ({ image }) => <code>{image ?? '–'}</code> },
]

/** The installed languages of each host, and their images. */
export function HostLanguages({ hosts }: { hosts: Host[] }) {
  return (
    <section className="card" aria-labelledby="hosts-title">
      <h2 id="hosts-title">Languages and images</h2>
      {hosts.length === 0 && <p className="muted">No worker has reported its languages yet.</p>}
      {hosts.map((host) => (
        <StatsTable
          key={host.name}
          columns={COLUMNS}
          rows={host.languages}
          rowKey={({ id }) => id}
          caption={
            <>
              <code>{host.name}</code>{' '}
              <span className="muted">last seen {formatAgo(host.last_seen_seconds_ago)}</span>
            </>
          }
        />
      ))}
    </section>
  )
}
