"""Counts requests, rejections and open WebSockets, and publishes the metrics of this gateway process."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Mapping
from typing import Any, Final

import structlog
from falcon.asgi import Response

from app.core.errors import StoreUnavailable
from app.http.errors import Problem
from app.http.request import Request
from app.store.metrics import MetricStore
from app.telemetry.metrics import Meter

__all__ = ["RequestMetrics"]

_PUBLISH_SECONDS: Final = 2.0
# Statuses that depend on the rights of the caller or on the load of the service. Errors in requests are not counted.
_REJECTION_STATUSES: Final = frozenset({401, 403, 429, 503})
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_log = structlog.get_logger("pyxec.http")


class RequestMetrics:
    """Falcon middleware: the meter of this process. It comes after AccessLog, which sets ``started_at``."""

    def __init__(self, metrics: MetricStore) -> None:
        self._metrics = metrics
        self._meter = Meter()
        self._task: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()

    def count_rejection(self, problem: Problem) -> None:
        """Count a request or a job of a batch that was rejected, labelled with the problem type."""
        if problem.status in _REJECTION_STATUSES:
            self._meter.count("pyxec_rejected_total", problem.type.rpartition("/")[2])

    async def process_response(self, request: Request, response: Response, resource: object, succeeded: bool) -> None:
        """Count a request and its time. The routes are those of the application, so that their number is limited."""
        route = request.uri_template or "none"
        method = request.method if request.method in _METHODS else "other"
        self._meter.count("pyxec_http_requests_total", route, method, str(response.status_code))
        self._meter.observe("pyxec_http_request_seconds", time.perf_counter() - request.started_at, route)

    def websocket_opened(self) -> None:
        """Increment the number of open WebSockets."""
        self._meter.add("pyxec_websockets_open", 1)

    def websocket_closed(self) -> None:
        """Decrement the number of open WebSockets."""
        self._meter.add("pyxec_websockets_open", -1)

    async def process_startup(self, scope: Mapping[str, Any], event: Mapping[str, Any]) -> None:
        """Start publishing metrics."""
        self._task = asyncio.create_task(self._publish_periodically())

    async def process_shutdown(self, scope: Mapping[str, Any], event: Mapping[str, Any]) -> None:
        """Publish the remaining metrics."""
        # Not with a cancellation: before Python 3.12, redis-py can swallow it, and the task would continue for ever.
        self._stopping.set()
        if self._task is not None:
            await self._task
        with contextlib.suppress(StoreUnavailable):
            await self._metrics.publish(self._meter)

    async def _publish_periodically(self) -> None:
        while not await self._stops_within(_PUBLISH_SECONDS):
            try:
                await self._metrics.publish(self._meter)
            except StoreUnavailable as e:  # the meter keeps the values until the next attempt
                _log.warning("metrics_not_published", error=str(e))

    async def _stops_within(self, seconds: float) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        return self._stopping.is_set()
