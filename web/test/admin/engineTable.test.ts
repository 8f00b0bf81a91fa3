import { createElement } from 'react'
import { renderToStaticMarkup } from 'react-dom/server.browser'
import * as v from 'valibot'
import { expect, test } from 'vitest'
import { EngineList } from '../../src/admin/api/schema'
import { EngineTable } from '../../src/admin/sections/EngineTable'

/** A response of GET /v1/admin/engines. */
const RESPONSE = {
  engines: [
    {
      worker: 'host-1/cells',
      isolation: 'cell',
      slots: 16,
      running: 3,
      idle: { python: 2, bash: 1 },
      pause_reason: null,
    },
    {
      worker: 'host-2/containers',
      isolation: 'container',
      slots: 4,
      running: 0,
      idle: {},
      pause_reason: 'engine-not-answering',
    },
  ],
}

/** The texts of the cells of each row. */
function readRows(markup: string): string[][] {
  const rows = markup.split('<tr>').slice(2)
  return rows.map((row) => row.split(/<\/t[hd]>/).map((cell) => cell.replace(/<[^>]*>/g, '')))
}

test('EngineTable shows engines with cells and with containers', () => {
  const { engines } = v.parse(EngineList, RESPONSE)

  const markup = renderToStaticMarkup(createElement(EngineTable, { engines }))

  const [cells, containers] = readRows(markup)
  expect(cells?.slice(0, 6)).toEqual(['host-1/cells', 'cells', '3', '16', '3', 'runs jobs'])
  expect(containers?.slice(0, 5)).toEqual(['host-2/containers', 'containers', '0', '4', '0'])
  expect(containers?.[5]).toMatch(/^The engine does not answer\./)
  expect(markup).toContain('title="python: 2, bash: 1"')
})
