"""Hands on what this gateway has counted, for as long as it runs."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any, Final

import structlog

from app.core.errors import StoreUnavailable
from app.core.metrics import Meter
from app.http.errors import Problem
from app.store.metrics import MetricStore

__all__ = ["RequestMetrics"]

_EVERY_SECONDS: Final = 2.0
# Whoever was refused for one of these could have been served with another key, at another time, or by a larger service.
_REJECTIONS: Final = frozenset({401, 403, 429, 503})
_log = structlog.get_logger("pyxec.http")


class RequestMetrics:
    """Falcon middleware for the lifespan, and the gateway's meter."""

    def __init__(self, metrics: MetricStore) -> None:
        self._metrics = metrics
        self._meter = Meter()
        self._task: asyncio.Task[None] | None = None

    def count_rejection(self, problem: Problem) -> None:
        """Count a refusal, if this is one that says something of the service."""
        if problem.status in _REJECTIONS:
            self._meter.count("pyxec_rejected_total", problem.type.rpartition("/")[2])

    def websocket_opened(self) -> None:
        """One more."""
        self._meter.add("pyxec_websockets_open", 1)

    def websocket_closed(self) -> None:
        """One less."""
        self._meter.add("pyxec_websockets_open", -1)

    async def process_startup(self, scope: Mapping[str, Any], event: Mapping[str, Any]) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._publish_forever())

    async def process_shutdown(self, scope: Mapping[str, Any], event: Mapping[str, Any]) -> None:
        """The last of it."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        with contextlib.suppress(StoreUnavailable):
            await self._metrics.publish(self._meter)

    async def _publish_forever(self) -> None:
        while True:
            await asyncio.sleep(_EVERY_SECONDS)
            try:
                await self._metrics.publish(self._meter)
            except StoreUnavailable as e:  # kept for the next time
                _log.warning("metrics_not_published", error=str(e))
