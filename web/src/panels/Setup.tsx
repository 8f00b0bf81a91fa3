import { lazy, Suspense, useState } from 'react'
import type { Language } from '../api/schema'
import { Tabs } from '../layout/Tabs'
import type { Program } from '../program/program'

const SetupBody = lazy(() => import('./SetupBody'))

interface Properties {
  language: Language
  program: Program
  onEdit(change: (program: Program) => Program): void
}

export type SetupTab = 'input' | 'arguments' | 'limits' | 'artifacts'

/** How the program is run: its input, its arguments, its limits. Folded away until it is wanted. */
export function Setup({ language, program, onEdit }: Properties) {
  const [open, setOpen] = useState<SetupTab | null>(null)
  const set = (change: Partial<Program>) => onEdit((current) => ({ ...current, ...change }))
  return (
    <section className="setup" aria-label="How it is run">
      <Tabs
        label="How it is run"
        tabs={tabsOf(program)}
        chosen={open}
        onChoose={(name) => setOpen(name === open ? null : name)}
      />
      {open && (
        <div className="setup-body" id={`panel-${open}`} role="tabpanel" aria-label={open}>
          <Suspense>
            <SetupBody tab={open} language={language} program={program} onSet={set} />
          </Suspense>
        </div>
      )}
    </section>
  )
}

/** Each tab tells whether something is set behind it. */
function tabsOf(program: Program): { name: SetupTab; text: string }[] {
  const limits = Object.keys(program.limits).length
  return [
    { name: 'input', text: { terminal: 'Input', lines: 'Input: lines', text: 'Input: text' }[program.input] },
    { name: 'arguments', text: program.args.trim() ? 'Arguments: set' : 'Arguments' },
    { name: 'limits', text: limits > 0 ? `Limits (${limits})` : 'Limits' },
    { name: 'artifacts', text: 'Artifacts' },
  ]
}
