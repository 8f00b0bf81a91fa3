import react from '@vitejs/plugin-react'
import { defineConfig } from 'vitest/config'
import { budgets } from './build/budgets.ts'
import { emacsCommands } from './build/emacsCommands.ts'
import { precompressed } from './build/precompressed.ts'
import { shortNames } from './build/shortNames.ts'

const API = process.env.PYXEC_URL ?? 'http://127.0.0.1:8080'

export default defineConfig({
  plugins: [react(), emacsCommands(), shortNames(), budgets(), precompressed()],
  build: {
    target: ['chrome123', 'firefox120', 'safari17.5'],
    // The content security policy does not permit data URLs for fonts and scripts.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 4096,
    license: { fileName: 'licenses.md' },
    // One chunk for everything that a page loads first: small shared chunks compress worse.
    rolldownOptions: { output: { codeSplitting: { groups: [{ name: 'shell', tags: ['$initial'] }] } } },
  },
  // One build for each page, so that no page loads code of the other. Both write to the same folder.
  environments: {
    client: { build: { rolldownOptions: { input: 'index.html' } } },
    admin: {
      consumer: 'client',
      // The build of the editor writes the public files and the licences, which include those of this page.
      build: {
        rolldownOptions: { input: 'admin/index.html' },
        emptyOutDir: false,
        license: false,
        copyPublicDir: false,
      },
    },
    embed: {
      consumer: 'client',
      build: {
        rolldownOptions: { input: 'embed/index.html' },
        emptyOutDir: false,
        license: false,
        copyPublicDir: false,
      },
    },
  },
  builder: {
    buildApp: async (builder) => {
      for (const name of ['client', 'admin', 'embed']) {
        const environment = builder.environments[name]
        if (environment) await builder.build(environment)
      }
    },
  },
  worker: { format: 'es' },
  server: { proxy: { '/v1': { target: API, ws: true, changeOrigin: true } } },
  // A busy machine takes seconds for a property.
  test: { include: ['test/**/*.test.ts'], testTimeout: 20_000 },
})
