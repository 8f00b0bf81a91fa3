import type { Engine } from '../api/schema'
import { formatCount } from '../format'

/** Texts for the values of `pause_reason`. */
const PAUSE_REASONS: Record<string, string> = {
  'engine-not-answering': 'The engine does not answer. The worker asks it again every few seconds.',
  'engine-unsupported': 'The engine does not meet the requirements. Run `pyxec doctor` on its host.',
  'launches-fail': 'The engine starts no sandboxes. Read the log of the worker.',
}

const ISOLATIONS: Record<string, string> = { container: 'containers', cell: 'cells' }

/** The engine of each live worker: its isolation, whether it runs jobs, and its sandboxes. */
export function EngineTable({ engines }: { engines: Engine[] }) {
  return (
    <section className="card" aria-labelledby="engines-title">
      <h2 id="engines-title">Engines</h2>
      {engines.length === 0 && <p className="muted">No worker has reported an engine.</p>}
      {engines.length > 0 && (
        <table className="stats-table">
          <thead>
            <tr>
              <th scope="col">Worker</th>
              <th scope="col">Isolation</th>
              <th scope="col">Running</th>
              <th scope="col">Slots</th>
              <th scope="col">Idle</th>
              <th scope="col">State</th>
            </tr>
          </thead>
          <tbody>
            {engines.map((engine) => (
              <tr key={engine.worker}>
                <th scope="row">
                  <code>{engine.worker}</code>
                </th>
                <td>{ISOLATIONS[engine.isolation] ?? engine.isolation}</td>
                <td>{formatCount(engine.running)}</td>
                <td>{formatCount(engine.slots)}</td>
                <td title={idleText(engine)}>{formatCount(idleCount(engine))}</td>
                <td className={engine.pause_reason === null ? 'tone-good' : 'tone-bad'}>
                  {engine.pause_reason === null
                    ? 'runs jobs'
                    : (PAUSE_REASONS[engine.pause_reason] ?? engine.pause_reason)}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  )
}

function idleCount({ idle }: Engine): number {
  return Object.values(idle).reduce((sum, count) => sum + count, 0)
}

function idleText({ idle }: Engine): string {
  return Object.entries(idle)
    .map(([language, count]) => `${language}: ${count}`)
    .join(', ')
}
