import { useEffect, useState } from 'react'
import { Dialog } from '../components/Dialog'
import { currentLanguage, currentProgram, useStore } from '../store'
import { CopyField } from './CopyField'
import { EmbedCode } from './EmbedCode'
import { encodeFragment } from './fragment'
import { ShortLink } from './ShortLink'

const LONG_LINK_CHARACTERS = 8000

/** The links to the program that is shown, and the code that embeds it in another page. */
export function ShareDialog({ onClose }: { onClose(): void }) {
  const language = useStore((state) => currentLanguage(state).id)
  const program = useStore(currentProgram)
  const [fragment, setFragment] = useState('')
  const link = fragment && `${location.origin}/${fragment}`

  useEffect(() => {
    void encodeFragment({ language, program }).then(setFragment)
  }, [language, program])

  return (
    <Dialog title="Share this program" onClose={onClose}>
      <CopyField label="Link" value={link} />
      <p className="dialog-note">
        The link contains the files, arguments, input, limits and tests. Nothing is stored on the server.
        {link.length > LONG_LINK_CHARACTERS &&
          ' The link is long: some mail and chat programs may truncate it.'}
      </p>
      <ShortLink fragment={fragment} />
      <EmbedCode fragment={fragment} />
    </Dialog>
  )
}
