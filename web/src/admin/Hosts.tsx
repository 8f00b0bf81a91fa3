import { bytes } from '../run/units'
import type { Host } from './schema'
import { ago } from './words'

/** Which machine can run what, and from which image. */
export function Hosts({ hosts }: { hosts: Host[] }) {
  return (
    <section className="card" aria-labelledby="hosts-title">
      <h2 id="hosts-title">Languages and images</h2>
      {hosts.length === 0 && <p className="muted">No worker has told of its languages yet.</p>}
      {hosts.map((host) => (
        <table key={host.name} className="figures-table">
          <caption>
            <code>{host.name}</code> <span className="muted">told {ago(host.last_seen_seconds_ago)}</span>
          </caption>
          <thead>
            <tr>
              <th scope="col">Language</th>
              <th scope="col">Version</th>
              <th scope="col">Size</th>
              <th scope="col" className="wide">
                Image
              </th>
            </tr>
          </thead>
          <tbody>
            {host.languages.map((language) => (
              <tr key={language.id}>
                <th scope="row">{language.name}</th>
                <td>{language.version ?? '–'}</td>
                <td>{language.image_bytes === null ? '–' : bytes(language.image_bytes)}</td>
                <td className="wide">
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
