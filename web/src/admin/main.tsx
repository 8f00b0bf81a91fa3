import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import '../styles/fonts.css'
import '../styles/tokens.css'
import '../styles/base.css'
import '../styles/controls.css'
import '../dialogs/dialogs.css'
import './page.css'
import './charts.css'
import './tables.css'
import './rows.css'
import './gate.css'
import { AdminPage } from './AdminPage'

const root = document.getElementById('admin')
if (root)
  createRoot(root).render(
    <StrictMode>
      <AdminPage />
    </StrictMode>,
  )
