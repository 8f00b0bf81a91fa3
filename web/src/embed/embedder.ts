/**
 * Messages to the page that embeds this one.
 *
 * They contain neither the code nor the input and output, which the visitor may have typed. No message of that page is
 * read: only the visitor can start a run.
 */

/** The result of a run, as the embedding page gets it. `exitCode` is null if the program did not exit by itself. */
export interface RunReport {
  outcome: string
  exitCode: number | null
}

/** Reports the height of the content now and after each change, so that the frame can follow it. */
export function reportSize(element: HTMLElement): void {
  new ResizeObserver(() => {
    // frame-ancestors decides which pages can embed this one, so that the message needs no other target.
    parent.postMessage({ type: 'pyxec.size', height: Math.ceil(element.getBoundingClientRect().height) }, '*')
  }).observe(element)
}

export function reportResult({ outcome, exitCode }: RunReport): void {
  parent.postMessage({ type: 'pyxec.result', outcome, exitCode }, '*')
}
