import { useEffect, useMemo, useState, useSyncExternalStore } from 'react'
import type { Finding } from '../editor/place'
import type { Workspace } from '../program/useWorkspace'
import { rememberedRun } from './context'
import { loadLive, RunController } from './controller'
import type { RunState } from './state'

const NONE: Finding[] = []

/** The run of this page: taken up again after a reload, kept in the history when it has ended. */
export function useRun(workspace: Workspace): { run: RunController; state: RunState; findings: Finding[] } {
  const run = useMemo(() => new RunController(), [])
  const state = useSyncExternalStore(run.subscribe, run.snapshot)
  const [findings, setFindings] = useState(NONE)

  useEffect(() => {
    const left = rememberedRun()
    if (left) void run.resume(left.jobId, left.context)
    else loadLive().catch(() => {}) // said when it is needed
  }, [run])

  const finished = state.phase === 'finished' ? state : null
  // Once for each result, with the program of that moment.
  useEffect(() => {
    if (!finished || !run.context) return setFindings(NONE)
    const { context, output } = run
    void import('./findings').then(({ findings }) => setFindings(findings(output.text(), context.files)))
    if (run.isResumed) return // it was kept, or the tab was closed before its end
    const { tone, text } = finished.ending
    workspace.keep({ tone, ending: text, output: output.text() })
  }, [finished])

  return { run, state, findings }
}
