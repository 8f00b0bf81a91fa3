import { Suspense } from 'react'
import { lazyPart } from '../components/lazyPart'
import { Tabs } from '../components/Tabs'
import type { Program } from '../program/program'
import { currentProgram, useStore } from '../store'
import type { RunOptionsTab } from './runOptionsTab'
import './runOptions.css'

const RunOptionsPanel = lazyPart(() => import('./RunOptionsPanel'))

/** The options of a run: input, arguments, limits, artifacts, and the commands and packages of the language. A second click on a tab closes its panel. */
export default function RunOptions() {
  const program = useStore(currentProgram)
  const openTab = useStore((state) => state.runOptionsTab)
  return (
    <section className="run-options" aria-label="Run options">
      <Tabs
        label="Run options"
        tabs={tabsFor(program)}
        selected={openTab}
        onSelect={(name) => useStore.setState({ runOptionsTab: name === openTab ? null : name })}
      />
      {openTab && (
        <div className="run-options-panel" id={`panel-${openTab}`} role="tabpanel" aria-label={openTab}>
          <Suspense>
            <RunOptionsPanel tab={openTab} />
          </Suspense>
        </div>
      )}
    </section>
  )
}

/** The text of a tab shows whether its option differs from the default. */
function tabsFor({ input, args, limits }: Program): { name: RunOptionsTab; text: string }[] {
  const limitCount = Object.keys(limits).length
  return [
    { name: 'input', text: { terminal: 'Input', lines: 'Input: lines', text: 'Input: text' }[input] },
    { name: 'arguments', text: args.trim() ? 'Arguments: set' : 'Arguments' },
    { name: 'limits', text: limitCount > 0 ? `Limits (${limitCount})` : 'Limits' },
    { name: 'artifacts', text: 'Artifacts' },
    { name: 'language', text: 'Language' },
  ]
}
