/** Colours out of the style sheet, for what cannot read a style sheet: the editor and the terminal draw by themselves. */

/** A colour token as #rrggbb or #rrggbbaa, in the theme that is on now. */
export function colour(token: string): string {
  const probe = document.createElement('span')
  probe.style.color = `var(--${token})`
  document.body.append(probe)
  const resolved = getComputedStyle(probe).color
  probe.remove()
  return hexadecimal(resolved)
}

/** From the form in which browsers tell a computed colour, `rgb(1, 2, 3)` or `rgba(1, 2, 3, 0.5)`. */
export function hexadecimal(computed: string): string {
  const [red = 0, green = 0, blue = 0, alpha] = (computed.match(/[\d.]+/g) ?? []).map(Number)
  const channels = [red, green, blue, ...(alpha === undefined ? [] : [alpha * 255])]
  return `#${channels.map((channel) => Math.round(channel).toString(16).padStart(2, '0')).join('')}`
}
