/**
 * Makes programs of a page runnable: each <pre data-pyxec="python"> becomes a frame with its code, a Run button and its
 * output. Load it from the server of Pyxec: <script src="https://pyxec.example/embed.js" defer></script>
 *
 * Attributes of the <pre>: data-pyxec (language), data-file (file name), data-args, data-stdin, data-theme (light, dark).
 * After a run, the <pre> gets the event "pyxec:result" with `outcome` and `exitCode` in its `detail`.
 */
;(() => {
  const server = new URL(document.currentScript.src).origin
  const frames = new Map()

  addEventListener('message', ({ source, origin, data }) => {
    const pre = frames.get(source)
    if (origin !== server || !pre || typeof data !== 'object' || data === null) return
    const frame = pre.nextElementSibling
    if (data.type === 'pyxec.size' && Number.isFinite(data.height)) {
      frame.style.height = `${Math.min(Math.max(data.height, 40), 4000)}px`
      // The text stays if the server does not permit frames on this page.
      frame.style.position = 'static'
      frame.style.visibility = 'visible'
      pre.hidden = true
    }
    if (data.type === 'pyxec.result') {
      const detail = { outcome: String(data.outcome), exitCode: data.exitCode }
      pre.dispatchEvent(new CustomEvent('pyxec:result', { bubbles: true, detail }))
    }
  })

  /** The format of web/src/share/fragment.ts. */
  async function encode(shared) {
    const json = new Blob([JSON.stringify(shared)])
    const compressed = json.stream().pipeThrough(new CompressionStream('deflate-raw'))
    const bytes = new Uint8Array(await new Response(compressed).arrayBuffer())
    const binary = Array.from(bytes, (byte) => String.fromCharCode(byte)).join('')
    return `#v1.${btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '')}`
  }

  async function embed(pre) {
    const { pyxec: language, file = '', args = '', stdin = '', theme = '' } = pre.dataset
    const content = pre.textContent.replace(/^\n/, '')
    const program = { files: [{ name: file, content }], args, stdin, input: 'text' }
    const frame = document.createElement('iframe')
    frame.src = `${server}/embed?theme=${encodeURIComponent(theme)}${await encode({ language, program })}`
    frame.title = pre.getAttribute('aria-label') || `Runnable program in ${language}`
    // A hidden frame would not be laid out, and could not report its height.
    frame.style.cssText = 'width:100%;border:0;position:absolute;visibility:hidden'
    pre.after(frame)
    frames.set(frame.contentWindow, pre)
  }

  const embedAll = () => document.querySelectorAll('pre[data-pyxec]').forEach(embed)
  if (document.readyState === 'loading') addEventListener('DOMContentLoaded', embedAll)
  else embedAll()
})()
