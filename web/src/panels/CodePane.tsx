import type { Language } from '../api/schema'
import { CodeEditor } from '../editor/CodeEditor'
import type { Finding, Place } from '../editor/place'
import type { Program } from '../program/program'
import type { Scheme } from '../settings/theme'
import { FileTabs } from './FileTabs'
import { Setup } from './Setup'

interface Properties {
  language: Language
  program: Program
  revision: number
  open: number
  scheme: Scheme
  fontSize: number
  findings: Finding[]
  target: Place | null
  onOpen(index: number): void
  onEdit(change: (program: Program) => Program): void
}

/** The program: its files, the editor, and how it is run. */
export function CodePane(properties: Properties) {
  const { language, program, revision, open, scheme, fontSize, findings, target, onOpen, onEdit } = properties
  const file = program.files[open] ?? program.files[0]
  const write = (content: string) =>
    onEdit((current) => ({
      ...current,
      files: current.files.map((one) => (one.name === file?.name ? { ...one, content } : one)),
    }))
  return (
    <>
      <div className="pane-head">
        <FileTabs
          files={program.files}
          open={open}
          onOpen={onOpen}
          onFiles={(files) => onEdit((current) => ({ ...current, files }))}
        />
      </div>
      <div className="pane-body">
        <CodeEditor
          path={`${language.id}/${revision}/${file?.name}`}
          language={language.id}
          value={file?.content ?? ''}
          scheme={scheme}
          fontSize={fontSize}
          findings={findings.filter((finding) => finding.file === file?.name)}
          target={target?.file === file?.name ? target : null}
          onChange={write}
        />
      </div>
      <Setup language={language} program={program} onEdit={onEdit} />
    </>
  )
}
