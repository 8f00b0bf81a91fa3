"""GET /v1/admin/engines: the Docker Engine of each live worker, and its sandboxes."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from falcon.asgi import Response

from app.http.request import Request
from app.http.responses import send_json
from app.store.metrics import MetricStore
from app.telemetry.metrics import Sample

__all__ = ["EnginesResource", "EnginesView"]


class EngineView(msgspec.Struct, frozen=True, kw_only=True):
    """The engine of a live worker, as the worker last reported it.

    ``isolation`` is ``container`` or ``cell``. ``slots`` is the number of jobs that the worker runs at once, and
    ``running`` the number of sandboxes that run a job. ``idle`` contains the sandboxes of the pool by language.
    ``pause_reason`` states why the worker fetches no jobs. It is null while the engine can run them.
    """

    worker: str
    isolation: str
    slots: int
    running: int
    idle: dict[str, int]
    pause_reason: str | None


class EnginesView(msgspec.Struct, frozen=True):
    """The engines of all live workers, by worker. Several workers can use one engine."""

    engines: list[EngineView]


class EnginesResource:
    """GET /v1/admin/engines."""

    def __init__(self, metrics: MetricStore) -> None:
        self._metrics = metrics

    async def on_get(self, request: Request, response: Response) -> None:
        """Send the engines. Raises StoreUnavailable."""
        gauges = await self._metrics.gauges()
        views = [_create_view(worker, values) for worker, values in sorted(gauges.items())]
        send_json(response, 200, EnginesView([view for view in views if view is not None]))

    on_head = on_get


def _create_view(process: str, gauges: Mapping[Sample, float]) -> EngineView | None:
    """Return the view of a process, or None if it has no engine: a gateway, or a worker of other queues."""
    isolation = _find_label(gauges, "pyxec_workers_by_isolation")
    if isolation is None:
        return None
    return EngineView(
        worker=process,
        isolation=isolation,
        slots=_sum(gauges, "pyxec_worker_slots"),
        running=_sum(gauges, "pyxec_sandboxes_running"),
        idle={
            sample.labels[0]: int(value)
            for sample, value in gauges.items()
            if sample.metric == "pyxec_pool_idle" and value
        },
        pause_reason=_find_label(gauges, "pyxec_worker_paused"),
    )


def _find_label(gauges: Mapping[Sample, float], metric: str) -> str | None:
    """Return the label of the gauge of a metric that is not 0."""
    return next((sample.labels[0] for sample, value in gauges.items() if sample.metric == metric and value), None)


def _sum(gauges: Mapping[Sample, float], metric: str) -> int:
    return int(sum(value for sample, value in gauges.items() if sample.metric == metric))
