/** The SVG paths of the icons, 16 units square. */
const PATHS = {
  run: 'M4.5 2.8v10.4L13 8z',
  stop: 'M4 4h8v8H4z',
  close: 'M4 4l8 8M12 4l-8 8',
  add: 'M8 3v10M3 8h10',
  copy: 'M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3',
  download: 'M8 2v8M4.5 6.8L8 10.3l3.5-3.5M2.5 13.5h11',
  clear: 'M3 4.5h10M6.5 4V2.5h3V4M4.5 4.5l.6 9h5.8l.6-9M6.8 7v4M9.2 7v4',
  share:
    'M6.5 9.5l3-3M7 4.5l1.6-1.6a2.9 2.9 0 0 1 4.1 4.1L11.5 8.5M9 11.5l-1.6 1.6a2.9 2.9 0 0 1-4.1-4.1L4.5 7.5',
  history: 'M2.5 8a5.5 5.5 0 1 0 1.8-4.1L2.5 5.5M2.5 2.5v3h3M8 5v3l2.2 1.6',
  help: 'M6 6.2a2 2 0 1 1 2.8 1.9c-.5.2-.8.6-.8 1.1v.5M8 12v.1M8 1.8a6.2 6.2 0 1 0 0 12.4A6.2 6.2 0 0 0 8 1.8z',
  settings:
    'M2 5h7.5M13 5h1M2 11h1M6.5 11H14M9.5 5a1.75 1.75 0 1 0 3.5 0 1.75 1.75 0 1 0-3.5 0M3 11a1.75 1.75 0 1 0 3.5 0A1.75 1.75 0 1 0 3 11',
  template: 'M3.5 2h6l3 3v9h-9zM9.5 2v3h3M5.8 8h4.4M5.8 10.7h4.4',
  folder: 'M2 4h4l1.5 2H14v7H2z',
  open: 'M8 10V2.5M5 5.5l3-3 3 3M2.5 9.5v4h11v-4',
  more: 'M2.5 4.5h11M2.5 8h11M2.5 11.5h11',
} as const

const FILLED = new Set<string>(['run', 'stop'])

export type IconName = keyof typeof PATHS

export function Icon({ name }: { name: IconName }) {
  const isFilled = FILLED.has(name)
  return (
    <svg
      width="16"
      height="16"
      viewBox="0 0 16 16"
      aria-hidden="true"
      fill={isFilled ? 'currentColor' : 'none'}
    >
      <path
        d={PATHS[name]}
        stroke="currentColor"
        strokeWidth="1.3"
        strokeLinecap="round"
        strokeLinejoin="round"
      />
    </svg>
  )
}

/** The logo of Pyxec. */
export function Logo() {
  return (
    <svg width="24" height="24" viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="7" fill="var(--accent)" />
      <path d="M12 7H8v18h4M20 7h4v18h-4" fill="none" stroke="var(--on-accent)" strokeWidth="2.6" />
      <path d="M13.4 11.6v8.8l7-4.4z" fill="var(--on-accent)" />
    </svg>
  )
}
