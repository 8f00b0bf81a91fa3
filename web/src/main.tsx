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
import { loadJobModule, runController } from './run/runController'

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

// The page shows the languages of the last visit until these arrive.
void import('./program/languageList').then(({ watchLanguages }) => watchLanguages())
// It compares the drafts with the stored ones, so that no edit before is lost.
void import('./program/draftPersistence').then(({ persistDrafts }) => persistDrafts())
import('./afterLoad').catch(() => {}) // The page works without it.

/** Opens the program of a share link or a short link, see share/shareLink.ts. */
function openSharedProgram(): void {
  if (!/^#v\d/.test(location.hash) && !location.pathname.startsWith('/p/')) return
  void import('./share/shareLink').then(({ openLink }) => openLink())
}
