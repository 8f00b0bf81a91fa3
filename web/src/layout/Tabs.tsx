import type { KeyboardEvent } from 'react'

interface Properties<Name extends string> {
  label: string
  className?: string
  tabs: readonly { name: Name; text: string }[]
  /** Null: none is open. */
  chosen: Name | null
  onChoose(name: Name): void
}

/** A row of tabs: one stop for the Tab key, arrows move and choose. The panel of `name` has the id `panel-name`. */
export function Tabs<Name extends string>({
  label,
  className = '',
  tabs,
  chosen,
  onChoose,
}: Properties<Name>) {
  const press = (event: KeyboardEvent, at: number) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key]
    const next = step && tabs[(at + step + tabs.length) % tabs.length]
    if (!next) return
    event.preventDefault()
    onChoose(next.name)
    const row = event.currentTarget.parentElement
    ;(row?.children[tabs.indexOf(next)] as HTMLElement | undefined)?.focus()
  }
  return (
    <div className={`tabs ${className}`} role="tablist" aria-label={label}>
      {tabs.map(({ name, text }, at) => (
        <button
          key={name}
          type="button"
          role="tab"
          className="tab"
          aria-selected={name === chosen}
          aria-controls={name === chosen ? `panel-${name}` : undefined}
          tabIndex={name === chosen || (chosen === null && at === 0) ? 0 : -1}
          onClick={() => onChoose(name)}
          onKeyDown={(event) => press(event, at)}
        >
          <span data-text={text}>{text}</span>
        </button>
      ))}
    </div>
  )
}
