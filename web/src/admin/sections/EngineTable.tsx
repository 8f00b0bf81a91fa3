import type { Engine } from '../api/schema'
import { formatCount } from '../format'
import { type Column, StatsTable } from './StatsTable'

/** Texts for the values of `pause_reason`. */
const PAUSE_REASONS: Record<string, string> = {
  'engine-not-answering': 'The engine does not answer. The worker asks it again every few seconds.',
  'engine-unsupported': 'The engine does not meet the requirements. Run `pyxec doctor` on its host.',
  'launches-fail': 'The engine starts no sandboxes. Read the log of the worker.',
}

const ISOLATIONS: Record<string, string> = { container: 'containers', cell: 'cells' }

const COLUMNS: readonly [Column<Engine>, ...Column<Engine>[]] = [
  { title: 'Worker', cell: ({ worker }) => <code>{worker}</code> },
  { title: 'Isolation', cell: ({ isolation }) => ISOLATIONS[isolation] ?? isolation },
  { title: 'Running', cell: ({ running }) => formatCount(running) },
  { title: 'Slots', cell: ({ slots }) => formatCount(slots) },
  {
    title: 'Idle',
    cell: (engine) => formatCount(idleCount(engine)),
    attributes: (engine) => ({ title: idleText(engine) }),
  },
  {
    title: 'State',
    cell: ({ pause_reason }) =>
      pause_reason === null ? 'runs jobs' : (PAUSE_REASONS[pause_reason] ?? pause_reason),
    attributes: ({ pause_reason }) => ({ className: pause_reason === null ? 'tone-good' : 'tone-bad' }),
  },
]

/** The engine of each live worker: its isolation, whether it runs jobs, and its sandboxes. */
export function EngineTable({ engines }: { engines: Engine[] }) {
  return (
    <section className="card" aria-labelledby="engines-title">
      <h2 id="engines-title">Engines</h2>
      {engines.length === 0 && <p className="muted">No worker has reported an engine.</p>}
      {engines.length > 0 && <StatsTable columns={COLUMNS} rows={engines} rowKey={({ worker }) => worker} />}
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
