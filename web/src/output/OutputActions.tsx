import { useState } from 'react'
import { copyText } from '../components/copyText'
import { downloadFile } from '../components/downloadFile'
import { Icon } from '../components/Icon'
import { runController } from '../run/runController'
import { isActive } from '../run/runState'
import { useStore } from '../store'

const RESULT_MS = 2500

/** The buttons that copy, download and clear the output. */
export default function OutputActions() {
  const run = useStore((state) => state.run)
  const [copyResult, setCopyResult] = useState<string | null>(null)
  const copy = async () => {
    const isCopied = await copyText(runController.output.text())
    setCopyResult(isCopied ? 'Copied' : 'Not permitted: use Download')
    setTimeout(() => setCopyResult(null), RESULT_MS)
  }
  const download = () =>
    downloadFile(new Blob([runController.output.text()], { type: 'text/plain' }), 'output.txt')
  const isEmpty = run.phase === 'idle' || run.phase === 'submitting'
  return (
    <div className="actions">
      <button type="button" className="button" title="Copy the output" disabled={isEmpty} onClick={copy}>
        <Icon name="copy" />
        <span className={copyResult ? '' : 'label'}>{copyResult ?? 'Copy'}</span>
      </button>
      <button
        type="button"
        className="button"
        title="Download the output"
        disabled={isEmpty}
        onClick={download}
      >
        <Icon name="download" />
        <span className="label">Download</span>
      </button>
      <button
        type="button"
        className="button"
        title="Clear the output"
        disabled={isEmpty || isActive(run)}
        onClick={() => runController.clear()}
      >
        <Icon name="clear" />
        <span className="label">Clear</span>
      </button>
    </div>
  )
}
