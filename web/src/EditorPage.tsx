import { Suspense } from 'react'
import { lazyPart } from './components/lazyPart'
import { Tabs } from './components/Tabs'
import { useMediaQuery } from './components/useMediaQuery'
import { CodePane } from './editor/CodePane'
import { TopBar } from './layout/TopBar'
import { OutputPane } from './output/OutputPane'
import { setCodePaneShare, useSettings } from './settings/settings'
import { type PaneName, useStore } from './store'

const OpenDialog = lazyPart(() => import('./dialogs/OpenDialog'))
const NoticeList = lazyPart(() => import('./notices/NoticeList'))
const StatusBar = lazyPart(() => import('./layout/StatusBar'))
const Splitter = lazyPart(() => import('./components/Splitter'))

const PANES: { name: PaneName; text: string }[] = [
  { name: 'code', text: 'Code' },
  { name: 'output', text: 'Output' },
]

/** Below this width, tabs switch between the panes. layout/layout.css contains the same number. */
const NARROW = '(width < 47.5rem)'

/** The editor page: the code on the left and the output on the right, or one of them on a narrow screen. */
export function EditorPage() {
  const isNarrow = useMediaQuery(NARROW)
  const share = useSettings((settings) => settings.share)
  const pane = useStore((state) => state.pane)
  const dialog = useStore((state) => state.dialog)
  const hasNotices = useStore((state) => state.notices.length > 0)
  return (
    <div className="page">
      <TopBar isNarrow={isNarrow} />
      {isNarrow && (
        <nav aria-label="Panes">
          <Tabs<PaneName>
            label="Pane"
            className="pane-tabs"
            tabs={PANES}
            selected={pane}
            onSelect={(name) => useStore.setState({ pane: name })}
          />
        </nav>
      )}
      <main
        className="panes"
        style={isNarrow ? {} : { gridTemplateColumns: `${share}fr 1px ${100 - share}fr` }}
      >
        <section
          className="pane code"
          id="panel-code"
          aria-label="Program"
          hidden={isNarrow && pane !== 'code'}
        >
          <CodePane />
        </section>
        {!isNarrow && (
          <Suspense fallback={<div className="splitter" />}>
            <Splitter share={share} label="Width of the code pane" onShare={setCodePaneShare} />
          </Suspense>
        )}
        <section
          className="pane output"
          id="panel-output"
          aria-label="Output"
          hidden={isNarrow && pane !== 'output'}
        >
          <OutputPane />
        </section>
      </main>
      <Suspense
        fallback={
          <footer className="status-bar">
            <div className="status tone-quiet">Ready</div>
          </footer>
        }
      >
        <StatusBar />
      </Suspense>
      {hasNotices && (
        <Suspense>
          <NoticeList />
        </Suspense>
      )}
      {dialog && (
        <Suspense>
          <OpenDialog key={dialog} name={dialog} />
        </Suspense>
      )}
    </div>
  )
}
