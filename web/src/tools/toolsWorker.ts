/**
 * The worker with the linter and the formatters. All of them run in the browser, most as WebAssembly.
 *
 * nginx permits WebAssembly only for this script. Each tool is loaded when it is first used.
 */
import { formatZig } from './formatZig'
import type { LintMessage, ToolRequest, ToolResponse } from './protocol'

interface RuffDiagnostic {
  code: string | null
  message: string
  start_location: { row: number; column: number }
  end_location: { row: number; column: number }
}

const CLANG_STYLE = '{BasedOnStyle: LLVM, IndentWidth: 4, ColumnLimit: 100}'
const PRETTIER_OPTIONS = { printWidth: 100 }

addEventListener('message', async ({ data }: MessageEvent<ToolRequest>) => {
  postMessage(
    await respond(data).catch((error) => ({
      id: data.id,
      tool: 'failed',
      message: String(error?.message ?? error),
    })),
  )
})

async function respond({ id, tool, languageId, fileName, text }: ToolRequest): Promise<ToolResponse> {
  if (tool === 'lint') return { id, tool, messages: await lintPython(text) }
  return { id, tool, text: await formatText(languageId, fileName, text) }
}

async function formatText(languageId: string, fileName: string, text: string): Promise<string> {
  switch (languageId) {
    case 'python':
      return (await loadRuff()).format(text)
    case 'javascript':
    case 'typescript':
      return formatWithPrettier(languageId, text)
    case 'bash': {
      const shfmt = await import('@wasm-fmt/shfmt/web')
      await shfmt.default(new URL('@wasm-fmt/shfmt/wasm', import.meta.url))
      return shfmt.format(text, fileName)
    }
    case 'clojure': {
      const clojureStyle = await import('@chrisoakman/standard-clojure-style')
      const result = clojureStyle.default.format(text)
      if (result.status === 'error') throw new Error(result.reason)
      return `${result.out.trimEnd()}\n`
    }
    case 'go': {
      const gofmt = await import('@wasm-fmt/gofmt/web')
      await gofmt.default(new URL('@wasm-fmt/gofmt/wasm', import.meta.url))
      return gofmt.format(text)
    }
    case 'lua': {
      const luaFmt = await import('@wasm-fmt/lua_fmt/web')
      await luaFmt.default(new URL('@wasm-fmt/lua_fmt/wasm', import.meta.url))
      return luaFmt.format(text)
    }
    case 'php': {
      const magoFmt = await import('@wasm-fmt/mago_fmt/web')
      await magoFmt.default(new URL('@wasm-fmt/mago_fmt/wasm', import.meta.url))
      return magoFmt.format(text, fileName)
    }
    case 'sqlite': {
      const sqlFmt = await import('@wasm-fmt/sql_fmt/web')
      await sqlFmt.default(new URL('@wasm-fmt/sql_fmt/wasm', import.meta.url))
      return sqlFmt.format(text)
    }
    case 'zig': {
      const zigFmt = await import('@wasm-fmt/zig_fmt')
      await zigFmt.default(new URL('@wasm-fmt/zig_fmt/zig_fmt.wasm', import.meta.url))
      return formatZig(zigFmt.format, text)
    }
    default: {
      const clangFormat = await import('@wasm-fmt/clang-format/web')
      await clangFormat.default(new URL('@wasm-fmt/clang-format/wasm', import.meta.url))
      return clangFormat.format(text, fileName, CLANG_STYLE)
    }
  }
}

async function formatWithPrettier(languageId: string, text: string): Promise<string> {
  const [{ format }, estree, parser] = await Promise.all([
    import('prettier/standalone'),
    import('prettier/plugins/estree'),
    languageId === 'typescript' ? import('prettier/plugins/typescript') : import('prettier/plugins/babel'),
  ])
  const plugins = [estree.default, parser.default ?? parser] as NonNullable<
    Parameters<typeof format>[1]
  >['plugins'] &
    object
  return format(text, {
    ...PRETTIER_OPTIONS,
    parser: languageId === 'typescript' ? 'typescript' : 'babel',
    plugins,
  })
}

async function lintPython(text: string): Promise<LintMessage[]> {
  const diagnostics: RuffDiagnostic[] = (await loadRuff()).check(text)
  return diagnostics.map(({ code, message, start_location, end_location }) => ({
    line: start_location.row,
    column: start_location.column,
    endLine: end_location.row,
    endColumn: end_location.column,
    message: code ? `${message} (${code})` : message,
    severity:
      code === null || code === 'invalid-syntax' || code.startsWith('F8') || code.startsWith('E9')
        ? 'error'
        : 'warning',
  }))
}

type Ruff = InstanceType<typeof import('@astral-sh/ruff-wasm-web').Workspace>
let ruff: Promise<Ruff> | null = null

function loadRuff(): Promise<Ruff> {
  ruff ??= import('@astral-sh/ruff-wasm-web').then(async ({ default: init, PositionEncoding, Workspace }) => {
    await init()
    const options = { 'line-length': 100, lint: { select: ['E4', 'E7', 'E9', 'F', 'B', 'PLE'] } }
    return new Workspace(options, PositionEncoding.Utf16)
  })
  return ruff
}
