import { formatBytes } from '../../format'
import type { Host } from '../api/schema'
import { formatAgo } from '../format'

/** The installed languages of each host, and their images. */
export function HostLanguages({ hosts }: { hosts: Host[] }) {
  return (
    <section className="card" aria-labelledby="hosts-title">
      <h2 id="hosts-title">Languages and images</h2>
      {hosts.length === 0 && <p className="muted">No worker has reported its languages yet.</p>}
      {hosts.map((host) => (
        <table key={host.name} className="stats-table">
          <caption>
            <code>{host.name}</code>{' '}
            <span className="muted">last seen {formatAgo(host.last_seen_seconds_ago)}</span>
          </caption>
          <thead>
            <tr>
              <th scope="col">Language</th>
              <th scope="col">Version</th>
              <th scope="col">Size</th>
              <th scope="col" className="image">
                Image
              </th>
            </tr>
          </thead>
          <tbody>
            {host.languages.map((language) => (
              <tr key={language.id}>
                <th scope="row">{language.name}</th>
                <td>{language.version ?? '–'}</td>
                <td>{language.image_bytes === null ? '–' : formatBytes(language.image_bytes)}</td>
                <td className="image">
                  <code>{language.image ?? '–'}</code>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      ))}
    </section>
  )
}
