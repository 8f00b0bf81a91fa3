import { useEffect, useRef, useState } from 'react'
import { Dialog } from '../layout/Dialog'
import { toFragment } from '../program/share'
import type { DialogProperties } from './Dialogs'

const LONG_CHARACTERS = 8000

export function ShareDialog({ language, program, onClose }: DialogProperties) {
  const [link, setLink] = useState('')
  const [isCopied, setIsCopied] = useState(false)
  const field = useRef<HTMLInputElement>(null)

  useEffect(() => {
    void toFragment({ language: language.id, program }).then((fragment) =>
      setLink(location.origin + location.pathname + fragment),
    )
  }, [language, program])

  const copy = () => {
    field.current?.select()
    navigator.clipboard.writeText(link).then(
      () => setIsCopied(true),
      () => setIsCopied(document.execCommand('copy')),
    )
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
          {isCopied ? 'Copied' : 'Copy link'}
        </button>
      </div>
      <p className="dialog-note">
        The link holds the files, arguments, input and limits themselves: nothing is stored on the server.
        {link.length > LONG_CHARACTERS && ' It is long: some mail and chat programs may cut it.'}
      </p>
    </Dialog>
  )
}
