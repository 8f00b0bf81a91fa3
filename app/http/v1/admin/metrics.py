"""GET /v1/admin/metrics: what /metrics tells, in JSON, for who has no Prometheus at hand."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Final

import msgspec
from falcon.asgi import Response

from app.core.metrics import METRICS, Kind, Metric
from app.core.timestamps import Timestamp, format_timestamp
from app.http.request import Request
from app.http.responses import send_json
from app.http.v1.metrics import read_metrics
from app.store.administration import Administration
from app.store.metrics import MetricStore

__all__ = ["MetricsJsonResource", "MetricsView"]

_LAST_BUCKET: Final = "+Inf"


class BucketView(msgspec.Struct, frozen=True, kw_only=True):
    """A bucket of a histogram.

    ``count`` is the number of measurements above the bound of the previous bucket and up to ``upper_bound``. The last
    bucket has no bound: None.
    """

    upper_bound: float | None
    count: int


class SeriesView(msgspec.Struct, frozen=True, kw_only=True):
    """A metric with one set of labels. A counter and a gauge have a ``value``; a histogram and a summary have ``count``
    and ``sum`` of what was measured, and a histogram its ``buckets``."""

    labels: dict[str, str]
    value: float | None = None
    count: int | None = None
    sum: float | None = None
    buckets: list[BucketView] = []


class MetricView(msgspec.Struct, frozen=True, kw_only=True):
    """One metric. One with labels to which nothing has happened has no series."""

    name: str
    type: Kind
    description: str
    series: list[SeriesView]


class MetricsView(msgspec.Struct, frozen=True, kw_only=True):
    """All metrics at one moment. Counters and measurements are added up since the service was first started: what
    happened lately is the difference of two readings."""

    collected_at: Timestamp
    metrics: list[MetricView]


class MetricsJsonResource:
    """GET /v1/admin/metrics."""

    def __init__(self, metrics: MetricStore, administration: Administration, now_ms: Callable[[], int]) -> None:
        self._metrics = metrics
        self._administration = administration
        self._now_ms = now_ms

    async def on_get(self, request: Request, response: Response) -> None:
        """200, or 503 when the store does not answer."""
        figures = await read_metrics(self._metrics, self._administration)
        by_metric: dict[str, dict[tuple[str, ...], dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
        for sample, value in figures.items():
            by_metric[sample.metric][sample.labels][sample.part] = value
        views = [_metric(name, metric, by_metric[name]) for name, metric in METRICS.items()]
        send_json(response, 200, MetricsView(collected_at=format_timestamp(self._now_ms()), metrics=views))

    on_head = on_get


def _metric(name: str, metric: Metric, series: Mapping[tuple[str, ...], Mapping[str, float]]) -> MetricView:
    all_series = series or ({} if metric.labels else {(): {}})
    views = [_series(metric, labels, parts) for labels, parts in sorted(all_series.items())]
    return MetricView(name=name, type=metric.kind, description=metric.description, series=views)


def _series(metric: Metric, labels: tuple[str, ...], parts: Mapping[str, float]) -> SeriesView:
    named = dict(zip(metric.labels, labels, strict=True))
    if metric.kind in (Kind.COUNTER, Kind.GAUGE):
        return SeriesView(labels=named, value=parts.get("", 0))
    if metric.kind is Kind.SUMMARY:
        return SeriesView(labels=named, count=int(parts.get("count", 0)), sum=parts.get("sum", 0))
    buckets = [BucketView(upper_bound=bound, count=int(parts.get(str(bound), 0))) for bound in metric.buckets]
    buckets.append(BucketView(upper_bound=None, count=int(parts.get(_LAST_BUCKET, 0))))
    return SeriesView(
        labels=named, count=sum(bucket.count for bucket in buckets), sum=parts.get("sum", 0), buckets=buckets
    )
