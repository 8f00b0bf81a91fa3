import { CopyField } from './CopyField'

/** The HTML that embeds the program in another page. */
export function EmbedCode({ fragment }: { fragment: string }) {
  const code =
    fragment &&
    `<iframe src="${location.origin}/embed${fragment}" title="Runnable program" width="100%" height="360"></iframe>`
  return (
    <details className="embed-code">
      <summary>Embed in another page</summary>
      <CopyField label="HTML" value={code} />
      <p className="dialog-note">
        The other page can show the program only if the operator of this server permits it.
      </p>
    </details>
  )
}
