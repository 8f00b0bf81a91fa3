import { currentLanguage, currentProgram, useStore } from '../store'
import { commandText } from './commandText'

/** The version of the language, the commands that compile and run the program, and the packages that it can import. */
export function LanguageDetails() {
  const { name, version, compile, run, packages } = useStore(currentLanguage)
  const { files } = useStore(currentProgram)
  const entrypoint = files[0]?.name ?? ''
  return (
    <dl className="language-details">
      <dt>Version</dt>
      <dd>
        {name} {version ?? '(unknown)'}
      </dd>
      {compile.length > 0 && (
        <>
          <dt>Compiled with</dt>
          <dd>
            <code>{commandText(compile, entrypoint)}</code>
          </dd>
        </>
      )}
      {run.length > 0 && (
        <>
          <dt>Run with</dt>
          <dd>
            <code>{commandText(run, entrypoint)}</code>
          </dd>
        </>
      )}
      <dt>Packages</dt>
      <dd>
        {packages.length === 0
          ? 'Only the standard library.'
          : packages.map((item) => <PackageName key={item} item={item} />)}
      </dd>
    </dl>
  )
}

/** `item` is `name==version`. */
function PackageName({ item }: { item: string }) {
  const [name, version] = item.split('==')
  return (
    <span className="package">
      {name} <small>{version}</small>
    </span>
  )
}
