import react from '@vitejs/plugin-react'
import { defineConfig } from 'vitest/config'
import { budgets } from './build/budgets.ts'
import { precompressed } from './build/precompressed.ts'

const API = process.env.PYXEC_URL ?? 'http://127.0.0.1:8080'

export default defineConfig({
  plugins: [react(), budgets(), precompressed()],
  build: {
    target: ['chrome123', 'firefox120', 'safari17.5'],
    // Every file has its hash in its name and nothing may be inlined as data: the policy allows no such font or script.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 4096,
    license: { fileName: 'licenses.md' },
  },
  // Two builds, so that neither page loads what only the other needs; both into one folder.
  environments: {
    client: { build: { rolldownOptions: { input: 'index.html' } } },
    admin: {
      consumer: 'client',
      // What it is made of is part of the editor, too: so are the licences, and what is public.
      build: {
        rolldownOptions: { input: 'admin/index.html' },
        emptyOutDir: false,
        license: false,
        copyPublicDir: false,
      },
    },
  },
  builder: {
    buildApp: async (builder) => {
      for (const name of ['client', 'admin']) {
        const environment = builder.environments[name]
        if (environment) await builder.build(environment)
      }
    },
  },
  worker: { format: 'es' },
  server: { proxy: { '/v1': { target: API, ws: true, changeOrigin: true } } },
  test: { include: ['test/**/*.test.ts'] },
})
