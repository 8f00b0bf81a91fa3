/** Figures for people. */

export function seconds(value: number): string {
  if (value < 1) return `${Math.round(value * 1000)} ms`
  return value < 10 ? `${value.toFixed(2)} s` : `${value.toFixed(1)} s`
}

export function bytes(value: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB']
  let scaled = value
  let unit = 0
  while (scaled >= 1024 && unit < units.length - 1) {
    scaled /= 1024
    unit += 1
  }
  const digits = unit === 0 || scaled >= 100 || Number.isInteger(scaled) ? 0 : 1
  return `${scaled.toFixed(digits)} ${units[unit]}`
}

export function ordinal(count: number): string {
  const last = count % 10
  const teen = Math.floor((count % 100) / 10) === 1
  return `${count}${teen ? 'th' : (['th', 'st', 'nd', 'rd'][last] ?? 'th')}`
}
