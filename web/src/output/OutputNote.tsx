import { formatBytes } from '../format'
import { runController } from '../run/runController'
import { MAX_KEPT_CHARACTERS } from './outputLog'

/** States which output is missing. `isHidden` is true if the terminal does not show the start of the output. */
export default function OutputNote({
  truncation,
  isHidden,
}: {
  truncation: string | null
  isHidden: boolean
}) {
  const download = runController.output.isComplete
    ? 'all of it'
    : `the first ${formatBytes(MAX_KEPT_CHARACTERS)} of it`
  return (
    <p className="output-note">
      {truncation && <span>{truncation}. </span>}
      {isHidden && <span>The terminal shows the end of the output. Download contains {download}.</span>}
    </p>
  )
}
