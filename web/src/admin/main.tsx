/** Entry point of the admin page. */
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import '../styles/fonts.css'
import '../styles/tokens.css'
import '../styles/base.css'
import '../styles/controls.css'
import '../dialogs/dialogs.css'
import './page.css'
import './charts/charts.css'
import './sections/tables.css'
import './sections/lists.css'
import './adminKeyForm.css'
import { AdminPage } from './AdminPage'

const root = document.getElementById('admin')
if (root)
  createRoot(root).render(
    <StrictMode>
      <AdminPage />
    </StrictMode>,
  )
