"""GET /metrics: the figures of all processes, for Prometheus. Ask one gateway: each tells of all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from falcon.asgi import Response
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    SummaryMetricFamily,
)
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from app.core.metrics import METRICS, Kind, Metric, Sample
from app.http.request import Request
from app.store.administration import Administration
from app.store.metrics import MetricStore
from app.store.stats import QueueStats

__all__ = ["MetricsResource", "read_figures"]

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
Figures = Mapping[Sample, float]


async def read_figures(metrics: MetricStore, administration: Administration) -> dict[Sample, float]:
    """What all processes have counted, and what the queues hold now. Raises StoreUnavailable."""
    return {**await metrics.read(), **_of_queues(await administration.queues())}


class MetricsResource:
    """Read from the store at each scrape."""

    def __init__(self, metrics: MetricStore, administration: Administration) -> None:
        self._metrics = metrics
        self._administration = administration

    async def on_get(self, request: Request, response: Response) -> None:
        """200, or 503 when the store does not answer."""
        figures = await read_figures(self._metrics, self._administration)
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Figures(figures))
        response.content_type = CONTENT_TYPE
        response.data = generate_latest(registry)

    on_head = on_get


class _Figures(Collector):
    """Figures in the form in which the library prints them. A metric that nothing has happened to is there, at 0."""

    def __init__(self, figures: Figures) -> None:
        self._figures = figures

    def collect(self) -> Iterator[Family]:
        for name, metric in METRICS.items():
            mine = {sample: value for sample, value in self._figures.items() if sample.metric == name}
            yield _family(name, metric, mine)


def _family(name: str, metric: Metric, figures: Figures) -> Family:
    label_sets = sorted({sample.labels for sample in figures}) or ([()] if not metric.labels else [])
    if metric.kind is Kind.COUNTER:
        counter = CounterMetricFamily(name.removesuffix("_total"), metric.description, labels=metric.labels)
        for labels in label_sets:
            counter.add_metric(labels, figures.get(Sample(name, labels), 0))
        return counter
    if metric.kind is Kind.GAUGE:
        gauge = GaugeMetricFamily(name, metric.description, labels=metric.labels)
        for labels in label_sets:
            gauge.add_metric(labels, figures.get(Sample(name, labels), 0))
        return gauge
    return (
        _histogram(name, metric, figures, label_sets) if metric.buckets else _summary(name, metric, figures, label_sets)
    )


def _histogram(name: str, metric: Metric, figures: Figures, label_sets: Sequence[tuple[str, ...]]) -> Family:
    family = HistogramMetricFamily(name, metric.description, labels=metric.labels)
    for labels in label_sets:
        seen, buckets = 0.0, []
        for bound in [*map(str, metric.buckets), "+Inf"]:
            seen += figures.get(Sample(name, labels, bound), 0)
            buckets.append((bound, seen))
        family.add_metric(labels, buckets, figures.get(Sample(name, labels, "sum"), 0))
    return family


def _summary(name: str, metric: Metric, figures: Figures, label_sets: Sequence[tuple[str, ...]]) -> Family:
    family = SummaryMetricFamily(name, metric.description, labels=metric.labels)
    for labels in label_sets:
        count, total = (figures.get(Sample(name, labels, part), 0) for part in ("count", "sum"))
        family.add_metric(labels, int(count), total)
    return family


def _of_queues(queues: Sequence[QueueStats]) -> dict[Sample, float]:
    figures: dict[Sample, float] = {}
    for queue in queues:
        labels = (queue.name,)
        figures[Sample("pyxec_queue_depth", labels)] = queue.waiting
        figures[Sample("pyxec_queue_oldest_seconds", labels)] = queue.oldest_seconds or 0
        figures[Sample("pyxec_pending_entries", labels)] = queue.running
        figures[Sample("pyxec_delayed", labels)] = queue.delayed
        figures[Sample("pyxec_dead_letters", labels)] = queue.dead
    return figures
