"""The latency of typing in a long file."""

from __future__ import annotations

from typing import Final

from playwright.sync_api import Browser

from bench.page.input_latency import InputLatency, percentile
from bench.target import Target
from tests.e2e.editor_page import EditorPage
from tests.e2e.site import Site

__all__ = ["measure_typing"]

_LINES: Final = 5000
# After the program was opened: this is not the time until the page is loaded, which `load` measures.
_SETTLE_MS: Final = 1500
_KEYS: Final = 300
# As a fast typist, and not a multiple of the time of a frame.
_KEY_INTERVAL_MS: Final = 61
_LINE: Final = "def function_{n}(first, second): return [first * {n}, second]  # comment"


def measure_typing(browser: Browser, site: Site) -> list[Target]:
    """Type in the middle of a file."""
    latencies: list[float] = []
    with browser.new_context() as context:
        editor = EditorPage(context.new_page(), site.url).open()
        editor.open_program("\n".join(_LINE.format(n=n) for n in range(_LINES)))
        editor.focus_code()
        editor.page.keyboard.press("Control+G")
        editor.page.keyboard.type(f"{_LINES // 2}\n")
        editor.page.wait_for_timeout(_SETTLE_MS)
        keys = InputLatency(editor.page)
        with keys.measure(latencies):
            for n in range(_KEYS):
                editor.page.keyboard.press("abcdef "[n % 7])
                editor.page.wait_for_timeout(_KEY_INTERVAL_MS)
    return [
        Target(
            "latency of a key in a file of 5,000 lines, p95", 16, at_most=True, measured=percentile(latencies, 0.95),
            unit=" ms", details={"p50": percentile(latencies, 0.5), "max": max(latencies), "keys": len(latencies)},
        )
    ]  # fmt: skip
