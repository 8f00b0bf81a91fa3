"""The consumer of a delay queue. It hands out nothing: delayed messages stay in Redis until they are due.

Dramatiq gives every delay queue a consumer thread; this one uses it to promote what is due, and to sweep.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from dramatiq import Consumer

if TYPE_CHECKING:
    from app.broker.broker import StreamsBroker

__all__ = ["DelayedConsumer"]

_MIN_PAUSE_MS = 200
_MAX_PAUSE_MS = 1_000


class DelayedConsumer(Consumer):
    """Promotes and sweeps in `__next__`, which always returns None.

    Parameters:
        timeout_ms: how long one step may take, so that the thread can be stopped.
    """

    def __init__(self, broker: StreamsBroker, queue_name: str, timeout_ms: int) -> None:
        self._broker = broker
        self._queue_name = queue_name
        self._longest_ms = min(timeout_ms, _MAX_PAUSE_MS)
        self._closed = threading.Event()

    def __next__(self) -> None:
        # After a time without Redis every lease looks expired: live workers renew theirs before anybody sweeps.
        calm = time.monotonic() - self._broker.unavailable_at > self._broker.lease_ms / 4 / 1000
        next_due_ms = self._broker.tend(self._queue_name, sweep=calm)
        pause_ms = min(self._longest_ms, max(_MIN_PAUSE_MS, next_due_ms))
        self._closed.wait(pause_ms / 1000)

    def close(self) -> None:
        """Wake a waiting step."""
        self._closed.set()
