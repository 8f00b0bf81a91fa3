import { useEffect, useRef, useState } from 'react'
import { copyText } from '../components/copyText'
import { Dialog } from '../components/Dialog'
import { currentLanguage, currentProgram, useStore } from '../store'
import { encodeFragment } from './shareLink'

const LONG_LINK_CHARACTERS = 8000

/** The link to the program that is shown. */
export function ShareDialog({ onClose }: { onClose(): void }) {
  const language = useStore((state) => currentLanguage(state).id)
  const program = useStore(currentProgram)
  const [link, setLink] = useState('')
  const [copyResult, setCopyResult] = useState<string | null>(null)
  const field = useRef<HTMLInputElement>(null)

  useEffect(() => {
    void encodeFragment({ language, program }).then((fragment) =>
      setLink(location.origin + location.pathname + fragment),
    )
  }, [language, program])

  const copy = () => {
    field.current?.select()
    void copyText(link).then((isCopied) => setCopyResult(isCopied ? 'Copied' : 'Press Ctrl+C'))
  }
  return (
    <Dialog title="Share this program" onClose={onClose}>
      <div className="share">
        <input
          ref={field}
          className="field"
          readOnly
          aria-label="Link"
          value={link}
          onFocus={(event) => event.target.select()}
        />
        <button type="button" className="button outlined" disabled={!link} onClick={copy}>
          {copyResult ?? 'Copy link'}
        </button>
      </div>
      <p className="dialog-note">
        The link contains the files, arguments, input, limits and tests. Nothing is stored on the server.
        {link.length > LONG_LINK_CHARACTERS &&
          ' The link is long: some mail and chat programs may truncate it.'}
      </p>
    </Dialog>
  )
}
