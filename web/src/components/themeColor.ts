/** Colours of the style sheet, for the editor and the terminal, which do not use CSS. */

/** Returns the value of a colour token in the current theme as `#rrggbb` or `#rrggbbaa`. */
export function themeColor(token: string): string {
  const probe = document.createElement('span')
  probe.style.color = `var(--${token})`
  document.body.append(probe)
  const computed = getComputedStyle(probe).color
  probe.remove()
  return toHex(computed)
}

/** Converts a computed colour, `rgb(1, 2, 3)` or `rgba(1, 2, 3, 0.5)`. */
function toHex(computed: string): string {
  const [red = 0, green = 0, blue = 0, alpha] = (computed.match(/[\d.]+/g) ?? []).map(Number)
  const channels = [red, green, blue, ...(alpha === undefined ? [] : [alpha * 255])]
  return `#${channels.map((channel) => Math.round(channel).toString(16).padStart(2, '0')).join('')}`
}
