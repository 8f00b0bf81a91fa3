/** Entry point of /embed, the page that other sites show in a frame. It neither reads nor stores drafts or API keys. */
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import '../styles/fonts.css'
import '../styles/tokens.css'
import '../styles/base.css'
import '../styles/controls.css'
import './embed.css'
import { EmbedPage } from './EmbedPage'
import { reportSize } from './embedder'

const theme = new URLSearchParams(location.search).get('theme')
if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme

const root = document.getElementById('embed')
if (root) {
  reportSize(root)
  createRoot(root).render(
    <StrictMode>
      <EmbedPage />
    </StrictMode>,
  )
}
