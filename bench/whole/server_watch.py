"""The server's memory and the jobs that wait, looked at twice a second."""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import Any, Final, Self

from app.core.tiers import Priority
from app.store.keys import StoreKeys
from bench.gateway_service import GatewayService

__all__ = ["ServerWatch", "thinned"]

_PAUSE_SECONDS: Final = 0.5
_MOST_POINTS: Final = 200

Point = dict[str, float]


class ServerWatch:
    """While entered, a thread collects points: ``seconds`` since then, ``memory_mb``, ``waiting``."""

    def __init__(self, service: GatewayService) -> None:
        self._server: Any = service.server
        self._keys = StoreKeys(service.environment["PYXEC_NAMESPACE"])
        self._over = threading.Event()
        self._points: list[Point] = []
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Self:
        self._began = time.monotonic()
        self._thread.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._over.set()
        self._thread.join()

    def waiting(self) -> int:
        """Jobs that nobody has begun."""
        return sum(int(self._server.zcard(self._keys.waiting(priority))) for priority in Priority)

    def thinned(self) -> list[Point]:
        """What was collected: few enough points for a plot."""
        return thinned(self._points, _MOST_POINTS)

    def _watch(self) -> None:
        while not self._over.wait(_PAUSE_SECONDS):
            memory = self._server.info("memory")["used_memory"] / 1e6
            seconds = time.monotonic() - self._began
            self._points.append({"seconds": seconds, "memory_mb": memory, "waiting": float(self.waiting())})


def thinned(points: list[Point], most: int) -> list[Point]:
    """Every n-th of them, and the last."""
    step = -(-len(points) // most) or 1
    kept = points[::step]
    return kept if not points or kept[-1] is points[-1] else [*kept, points[-1]]
