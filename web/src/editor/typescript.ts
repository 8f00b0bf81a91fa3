/** Monaco's TypeScript service: completion, hover and errors of TypeScript and JavaScript, in a worker of the browser. */
import {
  javascriptDefaults,
  ModuleKind,
  ModuleResolutionKind,
  ScriptTarget,
  typescriptDefaults,
} from 'monaco-editor/languages/features/typescript/register'

// The declarations of Node.js, Deno and Bun are larger than the editor. Their modules and globals have the type `any`.
const RUNTIME_GLOBALS = `
declare module '*'
declare var Bun: any, Deno: any, process: any, Buffer: any, require: any, module: any, exports: any, global: any
declare var __dirname: string, __filename: string
declare function setImmediate(callback: (...args: any[]) => void, ...args: any[]): any
`

export function configureTypeScript(): void {
  for (const defaults of [typescriptDefaults, javascriptDefaults]) {
    // The options of languages/typescript.toml.
    defaults.setCompilerOptions({
      target: ScriptTarget.ESNext,
      module: ModuleKind.ESNext,
      moduleResolution: ModuleResolutionKind.NodeJs,
      strict: defaults === typescriptDefaults,
      allowJs: true,
      allowNonTsExtensions: true,
    })
    defaults.addExtraLib(RUNTIME_GLOBALS, 'inmemory:///runtime.d.ts')
    defaults.setEagerModelSync(true)
  }
  // Deno and Bun permit `await` outside of functions in each file. tsc reports it.
  typescriptDefaults.setDiagnosticsOptions({ diagnosticCodesToIgnore: [1375, 1431] })
  // JavaScript without annotations has too few types to report errors.
  javascriptDefaults.setDiagnosticsOptions({ noSemanticValidation: true })
}
