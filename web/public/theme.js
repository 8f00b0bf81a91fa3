// Runs before the first paint, so that a chosen theme never flashes the other one. Same key as src/settings/theme.ts.
try {
  const theme = JSON.parse(localStorage.getItem('pyxec.theme'))
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme
} catch {
  // Storage may be forbidden or hold something else: then the system decides.
}
