/** An action that the user can undo for a short time: it is executed only afterwards. */
export interface DeferredAction {
  /** Executes the action now, unless it was executed or undone. */
  executeNow(): void
  /** Returns false if the action was executed already. */
  undo(): boolean
}

export function deferAction(execute: () => void, delayMs: number): DeferredAction {
  let isPending = true
  const settle = (): boolean => {
    const wasPending = isPending
    isPending = false
    clearTimeout(timer)
    return wasPending
  }
  const executeNow = () => {
    if (settle()) execute()
  }
  const timer = setTimeout(executeNow, delayMs)
  return { executeNow, undo: settle }
}
