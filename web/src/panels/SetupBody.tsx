import type { Language } from '../api/schema'
import { splitArguments } from '../program/arguments'
import { defaultLimits } from '../program/limits'
import { INPUTS, type Input, type Program } from '../program/program'
import { LimitFields } from './LimitFields'
import type { SetupTab } from './Setup'
import './setup.css'

interface Properties {
  tab: SetupTab
  language: Language
  program: Program
  onSet(change: Partial<Program>): void
}

/** What is behind the tab that is open; loaded when the first one is opened. */
export default function SetupBody({ tab, language, program, onSet }: Properties) {
  switch (tab) {
    case 'input':
      return <InputField program={program} onSet={onSet} />
    case 'arguments':
      return <ArgumentField line={program.args} onLine={(args) => onSet({ args })} />
    case 'artifacts':
      return <PatternField line={program.artifacts} onLine={(artifacts) => onSet({ artifacts })} />
    case 'limits':
      return (
        <LimitFields
          ranges={language.limits}
          defaults={defaultLimits(language, program.input)}
          limits={program.limits}
          onLimits={(limits) => onSet({ limits })}
        />
      )
  }
}

const KINDS: Record<Input, { name: string; about: string }> = {
  terminal: {
    name: 'Terminal',
    about:
      'What you type goes to the program key by key, as in a terminal of your own. Ctrl+C interrupts, Ctrl+D ends the input.',
  },
  lines: {
    name: 'Lines',
    about:
      'No terminal but pipes: stderr is red, and Enter sends the line. Ctrl+C interrupts, Ctrl+D ends the input.',
  },
  text: { name: 'This text', about: '' },
}

function InputField({ program, onSet }: { program: Program; onSet(change: Partial<Program>): void }) {
  return (
    <>
      <fieldset className="choices">
        <legend className="unseen">Standard input</legend>
        {INPUTS.map((input) => (
          <label key={input}>
            <input
              type="radio"
              name="input"
              checked={program.input === input}
              onChange={() => onSet({ input })}
            />
            {KINDS[input].name}
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
        <p className="setup-hint">{KINDS[program.input].about}</p>
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
        {found.length === 0
          ? 'As in a shell: blanks separate, quotes keep together.'
          : found.map((one) => `“${one}”`).join(', ')}
      </p>
    </>
  )
}

function PatternField({ line, onLine }: { line: string; onLine(line: string): void }) {
  return (
    <>
      <input
        className="field"
        aria-label="Patterns of files to give back"
        placeholder="nothing is given back"
        spellCheck={false}
        value={line}
        onChange={(event) => onLine(event.target.value)}
      />
      <p className="setup-hint">
        Files that the program leaves and that match are shown or offered for download: * within a name, **
        across folders. At most 16 files, 8 MiB together.
      </p>
    </>
  )
}
