"""Measures the time from a key press to the frame that shows its effect."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Page

__all__ = ["InputLatency", "percentile"]

# The message is handled after the frame is rendered. The time stamp of the event is that of the key press, so that the
# time in which the page does not handle events is included.
_RECORD = """() => {
  window.keyLatencies = []
  addEventListener('keydown', ({ timeStamp }) => requestAnimationFrame(() => {
    const channel = new MessageChannel()
    channel.port1.onmessage = () => keyLatencies.push(performance.now() - timeStamp)
    channel.port2.postMessage(null)
  }), { capture: true })
}"""


class InputLatency:
    """The latencies of the keys that are pressed in a page, in milliseconds."""

    def __init__(self, page: Page) -> None:
        self._page = page
        page.evaluate(_RECORD)

    @contextmanager
    def measure(self, milliseconds: list[float]) -> Iterator[None]:
        """Add the latencies of the keys that are pressed in the block."""
        self._page.evaluate("keyLatencies.length = 0")
        yield
        milliseconds += self._page.evaluate("keyLatencies")


def percentile(values: list[float], share: float) -> float:
    """Return the smallest value that is not exceeded by ``share`` of the values."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
