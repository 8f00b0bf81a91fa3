"""Ten megabytes of output: the time until the page has shown it, and the latency of keys meanwhile."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser, Page

from bench.page.input_latency import InputLatency, percentile
from bench.page.plain_terminal import open_plain_terminal, serve_cat, show_file
from bench.target import Target
from tests.e2e.editor_page import EditorPage
from tests.e2e.site import Site

__all__ = ["measure_output"]

ROUNDS: Final = 5
# Of web/src/terminal/terminalScreen.ts
_SCROLLBACK_LINES: Final = 5000
_KEY_INTERVAL_SECONDS: Final = 0.02
_TIMEOUT_SECONDS: Final = 60
_LINES: Final = 100_000
_SOURCE: Final = (
    f"import os\nfor n in range({_LINES} // 1000):\n    os.write(1, (f'{{n:09}}' * 11 + '\\n').encode() * 1000)\n"
    "print('all of it')\n"
)
# The time from the key that starts the run to the frame in which the status and the last line are visible.
_WATCH: Final = """() => {
  window.shownAfterMs = null
  const onKey = ({ key, timeStamp }) => {
    if (key !== 'Enter') return
    removeEventListener('keydown', onKey, { capture: true })
    const check = () => {
      const isShown = document.querySelector('.status')?.textContent.includes('Finished') &&
        document.querySelector('.xterm-rows')?.textContent.replaceAll('\xa0', ' ').includes('all of it')
      if (isShown) shownAfterMs = performance.now() - timeStamp
      else requestAnimationFrame(check)
    }
    check()
  }
  addEventListener('keydown', onKey, { capture: true })
}"""


def measure_output(browser: Browser, site: Site) -> list[Target]:
    """Measure the page and a plain terminal alternately."""
    page_times: list[float] = []
    page_latencies: list[float] = []
    plain_times: list[float] = []
    plain_latencies: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "output"
        path.write_text("".join((f"{n:09}" * 11 + "\n") * 1000 for n in range(_LINES // 1000)) + "all of it\n")
        with serve_cat(path) as url, browser.new_context() as context:
            editor = EditorPage(context.new_page(), site.url).open()
            plain = context.new_page()
            open_plain_terminal(plain, url, _SCROLLBACK_LINES)
            editor_keys, plain_keys = InputLatency(editor.page), InputLatency(plain)
            for _ in range(ROUNDS):
                editor.page.bring_to_front()
                editor.open_program(_SOURCE, limits={"output_bytes": 11_000_000})
                editor.page.evaluate(_WATCH)
                with editor_keys.measure(page_latencies):
                    page_times.append(_run_and_type(editor.page, editor.run, lambda: _focus_code(editor)))
                plain.bring_to_front()
                with plain_keys.measure(plain_latencies):
                    plain_times.append(_run_and_type(plain, lambda: show_file(plain, url), lambda: None))
    return [
        Target(
            "10 MB of output until it is shown", 2, at_most=True, measured=statistics.median(page_times), unit=" s",
            details={"seconds": page_times},
        ),
        Target(
            "for comparison: `cat` of it in a plain xterm.js page", 2, at_most=True,
            measured=statistics.median(plain_times), unit=" s", details={"seconds": plain_times},
        ),
        Target(
            "latency of a key meanwhile, p95", 50, at_most=True, measured=percentile(page_latencies, 0.95), unit=" ms",
            details={
                "keys": len(page_latencies),
                "p50": percentile(page_latencies, 0.5),
                "max": max(page_latencies),
                "plain_xterm_p95": percentile(plain_latencies, 0.95),
            },
        ),
    ]  # fmt: skip


def _run_and_type(page: Page, start: Callable[[], None], focus: Callable[[], None]) -> float:
    """Start an output and press keys until it is shown. Return the time in seconds."""
    start()
    focus()
    deadline = time.monotonic() + _TIMEOUT_SECONDS
    while (milliseconds := page.evaluate("window.shownAfterMs")) is None:
        if time.monotonic() > deadline:
            raise TimeoutError("the output was not shown")
        page.keyboard.press("a")
        time.sleep(_KEY_INTERVAL_SECONDS)
    return float(milliseconds) / 1000


def _focus_code(editor: EditorPage) -> None:
    """Move the focus from the terminal to the code, where a key has a visible effect."""
    editor.page.locator(".monaco-editor .native-edit-context, .monaco-editor textarea").first.focus()
