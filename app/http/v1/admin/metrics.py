"""GET /v1/admin/metrics: the metrics of GET /metrics as JSON."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Final

import msgspec
from falcon.asgi import Response

from app.core.timestamps import Timestamp, format_timestamp
from app.http.request import Request
from app.http.responses import send_json
from app.http.v1.metrics import read_metrics
from app.store.admin.administration import Administration
from app.store.metrics import MetricStore
from app.telemetry.metrics import METRICS, Kind, Metric

__all__ = ["MetricsJsonResource", "MetricsView"]

_INFINITE_BUCKET: Final = "+Inf"


class BucketView(msgspec.Struct, frozen=True, kw_only=True):
    """A bucket of a histogram.

    ``count`` is the number of measurements above the bound of the previous bucket and up to ``upper_bound``. The last
    bucket has no bound: None.
    """

    upper_bound: float | None
    count: int


class SeriesView(msgspec.Struct, frozen=True, kw_only=True):
    """A metric with one set of labels.

    Counters and gauges have a ``value``. Histograms and summaries have the ``count`` and the ``sum`` of the
    measurements, and histograms also have ``buckets``.
    """

    labels: dict[str, str]
    value: float | None = None
    count: int | None = None
    sum: float | None = None
    buckets: list[BucketView] = []


class MetricView(msgspec.Struct, frozen=True, kw_only=True):
    """A metric. A metric with labels has no series before its first event."""

    name: str
    type: Kind
    description: str
    series: list[SeriesView]


class MetricsView(msgspec.Struct, frozen=True, kw_only=True):
    """The current value of all metrics.

    Counters, histograms and summaries add up from the first start of the service. Subtract two responses to get the
    events between them.
    """

    collected_at: Timestamp
    metrics: list[MetricView]


class MetricsJsonResource:
    """GET /v1/admin/metrics.

    Args:
        now_ms: Returns the current time in Unix milliseconds.
    """

    def __init__(self, metrics: MetricStore, administration: Administration, now_ms: Callable[[], int]) -> None:
        self._metrics = metrics
        self._administration = administration
        self._now_ms = now_ms

    async def on_get(self, request: Request, response: Response) -> None:
        """Send all metrics. Raises StoreUnavailable."""
        samples = await read_metrics(self._metrics, self._administration)
        by_metric: dict[str, dict[tuple[str, ...], dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
        for sample, value in samples.items():
            by_metric[sample.metric][sample.labels][sample.part] = value
        views = [_create_metric_view(name, metric, by_metric[name]) for name, metric in METRICS.items()]
        send_json(response, 200, MetricsView(collected_at=format_timestamp(self._now_ms()), metrics=views))

    on_head = on_get


def _create_metric_view(name: str, metric: Metric, series: Mapping[tuple[str, ...], Mapping[str, float]]) -> MetricView:
    all_series = series or ({} if metric.labels else {(): {}})
    views = [_create_series_view(metric, labels, parts) for labels, parts in sorted(all_series.items())]
    return MetricView(name=name, type=metric.kind, description=metric.description, series=views)


def _create_series_view(metric: Metric, label_values: tuple[str, ...], parts: Mapping[str, float]) -> SeriesView:
    labels = dict(zip(metric.labels, label_values, strict=True))
    if metric.kind in (Kind.COUNTER, Kind.GAUGE):
        return SeriesView(labels=labels, value=parts.get("", 0))
    total = parts.get("sum", 0)
    if metric.kind is Kind.SUMMARY:
        return SeriesView(labels=labels, count=int(parts.get("count", 0)), sum=total)
    buckets = [BucketView(upper_bound=bound, count=int(parts.get(str(bound), 0))) for bound in metric.buckets]
    buckets.append(BucketView(upper_bound=None, count=int(parts.get(_INFINITE_BUCKET, 0))))
    return SeriesView(labels=labels, count=sum(bucket.count for bucket in buckets), sum=total, buckets=buckets)
