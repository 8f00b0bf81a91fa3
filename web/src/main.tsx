/** Entry point of the editor page. */
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import './styles/fonts.css'
import './styles/tokens.css'
import './styles/base.css'
import './styles/controls.css'
import './layout/layout.css'
import { EditorPage } from './EditorPage'
import { listenToShortcuts } from './layout/shortcuts'
import { persistDrafts, watchLanguages } from './program/programActions'
import { loadJobModule, runController } from './run/runController'

persistDrafts()
watchLanguages()
listenToShortcuts()
openSharedProgram()
addEventListener('hashchange', openSharedProgram)
void runController.resume()
loadJobModule().catch(() => {}) // The first run reports the error.

const root = document.getElementById('app')
if (root)
  createRoot(root).render(
    <StrictMode>
      <EditorPage />
    </StrictMode>,
  )

import('./afterLoad').catch(() => {}) // The page works without it.

/** Opens the program in the URL, see share/shareLink.ts. */
function openSharedProgram(): void {
  if (!/^#v\d+\./.test(location.hash)) return
  void import('./share/shareLink').then((shareLink) => shareLink.openSharedProgram())
}
