"""Samples the memory of the server and the number of waiting jobs, twice per second."""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import Any, Final, Self

from app.core.callers import Priority
from app.store.keys import StoreKeys
from bench.gateway.service import GatewayService

__all__ = ["ServerSampler", "thin"]

_PAUSE_SECONDS: Final = 0.5
_MAX_POINTS: Final = 200

Point = dict[str, float]


class ServerSampler:
    """Context manager that samples in a thread. A sample has ``seconds``, ``memory_mb`` and ``waiting``."""

    def __init__(self, service: GatewayService) -> None:
        self._server: Any = service.server
        self._keys = StoreKeys(service.environment["PYXEC_NAMESPACE"])
        self._stopped = threading.Event()
        self._points: list[Point] = []
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Self:
        self._started = time.monotonic()
        self._thread.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._stopped.set()
        self._thread.join()

    def waiting(self) -> int:
        """Return the number of waiting jobs."""
        return sum(int(self._server.zcard(self._keys.waiting(priority))) for priority in Priority)

    def samples(self) -> list[Point]:
        """Return the samples, thinned for a plot."""
        return thin(self._points, _MAX_POINTS)

    def _watch(self) -> None:
        while not self._stopped.wait(_PAUSE_SECONDS):
            memory = self._server.info("memory")["used_memory"] / 1e6
            seconds = time.monotonic() - self._started
            self._points.append({"seconds": seconds, "memory_mb": memory, "waiting": float(self.waiting())})


def thin(points: list[Point], most: int) -> list[Point]:
    """Return every n-th point and the last, about ``most`` in total."""
    step = -(-len(points) // most) or 1
    kept = points[::step]
    return kept if not points or kept[-1] is points[-1] else [*kept, points[-1]]
