import { splitArguments } from '../program/arguments'
import { INPUTS, type Input, type Program } from '../program/program'
import { editProgram } from '../program/programActions'
import { useFieldError } from '../run/useFieldError'
import { currentProgram, useStore } from '../store'
import { LanguageDetails } from './LanguageDetails'
import { LimitFields } from './LimitFields'
import type { RunOptionsTab } from './runOptionsTab'
import './runOptionsPanel.css'

/** The panel of the open tab. Loaded when the first tab is opened. */
export default function RunOptionsPanel({ tab }: { tab: RunOptionsTab }) {
  const program = useStore(currentProgram)
  const error = useFieldError()
  const isHere = error?.target.kind === 'option' && error.target.tab === tab
  return (
    <>
      {isHere && (
        <p className="tone-bad" role="alert">
          {error.text}.
        </p>
      )}
      <OptionFields tab={tab} program={program} />
    </>
  )
}

function OptionFields({ tab, program }: { tab: RunOptionsTab; program: Program }) {
  switch (tab) {
    case 'language':
      return <LanguageDetails />
    case 'input':
      return <InputField input={program.input} stdin={program.stdin} />
    case 'arguments':
      return <ArgumentsField value={program.args} />
    case 'artifacts':
      return <ArtifactPatternsField value={program.artifacts} />
    case 'limits':
      return <LimitFields />
  }
}

const INPUT_OPTIONS: Record<Input, { label: string; hint: string }> = {
  terminal: {
    label: 'Terminal',
    hint: 'The program gets each key that you type, as in a local terminal. Ctrl+C interrupts, Ctrl+D ends the input.',
  },
  lines: {
    label: 'Lines',
    hint: 'The program has pipes and no terminal. Enter sends the line, and stderr is red. Ctrl+C interrupts, Ctrl+D ends the input.',
  },
  text: { label: 'This text', hint: '' },
}

function InputField({ input: selected, stdin }: { input: Input; stdin: string }) {
  return (
    <>
      <fieldset className="choices">
        <legend className="visually-hidden">Standard input</legend>
        {INPUTS.map((input) => (
          <label key={input}>
            <input
              type="radio"
              name="input"
              checked={input === selected}
              onChange={() => setOptions({ input })}
            />
            {INPUT_OPTIONS[input].label}
          </label>
        ))}
      </fieldset>
      {selected === 'text' ? (
        <textarea
          className="field stdin"
          aria-label="Text for standard input"
          rows={4}
          spellCheck={false}
          value={stdin}
          onChange={(event) => setOptions({ stdin: event.target.value })}
        />
      ) : (
        <p className="run-options-hint">{INPUT_OPTIONS[selected].hint}</p>
      )}
    </>
  )
}

function ArgumentsField({ value }: { value: string }) {
  const args = splitArguments(value)
  return (
    <>
      <input
        className="field"
        aria-label="Command-line arguments"
        placeholder="--size 3 'two words'"
        spellCheck={false}
        value={value}
        onChange={(event) => setOptions({ args: event.target.value })}
      />
      <p className="run-options-hint">
        {args.length === 0
          ? 'Separate arguments with spaces. Quote an argument that contains spaces, as in a shell.'
          : args.map((argument) => `“${argument}”`).join(', ')}
      </p>
    </>
  )
}

function ArtifactPatternsField({ value }: { value: string }) {
  return (
    <>
      <input
        className="field"
        aria-label="Artifact patterns"
        placeholder="no artifacts"
        spellCheck={false}
        value={value}
        onChange={(event) => setOptions({ artifacts: event.target.value })}
      />
      <p className="run-options-hint">
        Files of the program that match a pattern are shown below its output. * matches within a folder, **
        across folders. At most 16 files and 8 MiB in total.
      </p>
    </>
  )
}

function setOptions(options: Partial<Program>): void {
  editProgram((program) => ({ ...program, ...options }))
}
