import { type ReactNode, useState } from 'react'
import type { Language } from '../api/schema'
import { Tabs } from '../layout/Tabs'
import { splitArguments } from '../program/arguments'
import type { Program } from '../program/program'
import { LimitFields } from './LimitFields'

interface Properties {
  language: Language
  program: Program
  onEdit(change: (program: Program) => Program): void
}

type Tab = 'input' | 'arguments' | 'limits'

/** How the program is run: its input, its arguments, its limits. Folded away until it is wanted. */
export function Setup({ language, program, onEdit }: Properties) {
  const [open, setOpen] = useState<Tab | null>(null)
  const set = (change: Partial<Program>) => onEdit((current) => ({ ...current, ...change }))
  const bodies: Record<Tab, () => ReactNode> = {
    input: () => <InputField program={program} onSet={set} />,
    arguments: () => <ArgumentField line={program.args} onLine={(args) => set({ args })} />,
    limits: () => (
      <LimitFields ranges={language.limits} limits={program.limits} onLimits={(limits) => set({ limits })} />
    ),
  }
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
          {bodies[open]()}
        </div>
      )}
    </section>
  )
}

/** Each tab tells whether something is set behind it. */
function tabsOf(program: Program): { name: Tab; text: string }[] {
  const count = splitArguments(program.args).length
  const limits = Object.keys(program.limits).length
  return [
    { name: 'input', text: program.input === 'text' ? 'Input: text' : 'Input' },
    { name: 'arguments', text: count > 0 ? `Arguments (${count})` : 'Arguments' },
    { name: 'limits', text: limits > 0 ? `Limits (${limits})` : 'Limits' },
  ]
}

function InputField({ program, onSet }: { program: Program; onSet(change: Partial<Program>): void }) {
  const kinds = [
    { input: 'terminal', text: 'Typed in the terminal' },
    { input: 'text', text: 'This text, with stdout and stderr told apart' },
  ] as const
  return (
    <>
      <fieldset className="choices">
        <legend className="unseen">Standard input</legend>
        {kinds.map(({ input, text }) => (
          <label key={input}>
            <input
              type="radio"
              name="input"
              checked={program.input === input}
              onChange={() => onSet({ input })}
            />
            {text}
          </label>
        ))}
      </fieldset>
      {program.input === 'text' ? (
        <textarea
          className="field stdin"
          aria-label="Text for standard input"
          rows={4}
          spellCheck={false}
          value={program.stdin}
          onChange={(event) => onSet({ stdin: event.target.value })}
        />
      ) : (
        <p className="setup-hint">The program has a real terminal: prompts, colours, Ctrl+C and Ctrl+D work.</p>
      )}
    </>
  )
}

function ArgumentField({ line, onLine }: { line: string; onLine(line: string): void }) {
  const found = splitArguments(line)
  return (
    <>
      <input
        className="field"
        aria-label="Command-line arguments"
        placeholder="--size 3 'two words'"
        spellCheck={false}
        value={line}
        onChange={(event) => onLine(event.target.value)}
      />
      <p className="setup-hint">
        {found.length === 0 ? 'As in a shell: blanks separate, quotes keep together.' : found.map((one) => `“${one}”`).join(', ')}
      </p>
    </>
  )
}
