import type { KeyboardEvent } from 'react'

interface Properties<Name extends string> {
  label: string
  className?: string
  tabs: readonly { name: Name; text: string }[]
  /** Null if no panel is open. */
  selected: Name | null
  onSelect(name: Name): void
}

/** A list of tabs. The Tab key focuses the selected one, and the arrow keys select. The panel has the id `panel-NAME`. */
export function Tabs<Name extends string>({
  label,
  className = '',
  tabs,
  selected,
  onSelect,
}: Properties<Name>) {
  const onKeyDown = (event: KeyboardEvent, at: number) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key]
    const next = step && tabs[(at + step + tabs.length) % tabs.length]
    if (!next) return
    event.preventDefault()
    onSelect(next.name)
    const list = event.currentTarget.parentElement
    ;(list?.children[tabs.indexOf(next)] as HTMLElement | undefined)?.focus()
  }
  return (
    <div className={`tabs ${className}`} role="tablist" aria-label={label}>
      {tabs.map(({ name, text }, at) => (
        <button
          key={name}
          type="button"
          role="tab"
          className="tab"
          aria-selected={name === selected}
          aria-controls={name === selected ? `panel-${name}` : undefined}
          tabIndex={name === selected || (selected === null && at === 0) ? 0 : -1}
          onClick={() => onSelect(name)}
          onKeyDown={(event) => onKeyDown(event, at)}
        >
          <span data-text={text}>{text}</span>
        </button>
      ))}
    </div>
  )
}
