"""The time until the page is painted, and until a first run is possible."""

from __future__ import annotations

import statistics
from typing import Final

from playwright.sync_api import Browser

from bench.target import Target
from tests.e2e.editor_page import EditorPage
from tests.e2e.site import Site

__all__ = ["measure_load"]

ROUNDS: Final = 5
_FIRST_PAINT: Final = "performance.getEntriesByName('first-contentful-paint')[0].startTime"


def measure_load(browser: Browser, site: Site) -> list[Target]:
    """Open the page with an empty cache."""
    paints: list[float] = []
    runs: list[float] = []
    for _ in range(ROUNDS):
        with browser.new_context() as context:
            page = context.new_page()
            page.goto(site.url, wait_until="commit")
            editor = EditorPage(page, site.url)
            editor.run_button.wait_for()
            page.wait_for_function("() => !document.querySelector('button.run').disabled")
            runs.append(page.evaluate("performance.now()") / 1000)
            editor.wait_until_loaded()
            paints.append(page.evaluate(_FIRST_PAINT) / 1000)
    return [
        Target("first paint", 1, at_most=True, measured=statistics.median(paints), unit=" s"),
        Target("first run possible", 2, at_most=True, measured=statistics.median(runs), unit=" s"),
    ]
