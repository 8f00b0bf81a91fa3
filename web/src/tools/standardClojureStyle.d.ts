/** The types of a formatter whose package contains none. */
declare module '@chrisoakman/standard-clojure-style' {
  type Result = { status: 'success'; out: string } | { status: 'error'; reason: string }
  const clojureStyle: { format(text: string): Result }
  export default clojureStyle
}
