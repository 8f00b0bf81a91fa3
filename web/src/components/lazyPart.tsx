import { type ComponentType, lazy } from 'react'

/**
 * A part of the page that is loaded when it is first shown, as `React.lazy`.
 *
 * If it cannot be loaded, `fallback` is shown, and the rest of the page works: a failed `React.lazy` would remove the
 * whole page, with all that is not stored yet. The files of a page are missing after an update of the server.
 */
export function lazyPart<Props>(
  load: () => Promise<{ default: ComponentType<Props> }>,
  fallback: ComponentType<Props> = LoadError,
) {
  return lazy(() => load().catch(() => ({ default: fallback })))
}

export function LoadError() {
  return (
    <p className="load-error tone-bad" role="alert">
      This part of the page could not be loaded: the page may have been updated. Your program is saved in this
      browser.{' '}
      <button type="button" className="button outlined" onClick={() => location.reload()}>
        Reload the page
      </button>
    </p>
  )
}
