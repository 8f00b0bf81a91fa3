// Sets the theme before the first paint. src/settings/settings.ts writes the same key.
try {
  const theme = JSON.parse(localStorage.getItem('pyxec.theme'))
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme
} catch {
  // Without a stored theme, the system decides.
}
