"""GET /metrics: the metrics of all processes, in the text format of Prometheus."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from falcon.asgi import Response
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric as MetricFamily
from prometheus_client.registry import Collector

from app.http.request import Request
from app.store.admin.administration import Administration
from app.store.admin.queue_stats import QueueStats
from app.store.metrics import MetricStore
from app.telemetry.metrics import METRICS, Kind, Metric, Sample

__all__ = ["MetricsResource", "read_metrics"]

_CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


async def read_metrics(store: MetricStore, administration: Administration) -> dict[Sample, float]:
    """Read the published metrics of all processes and the current metrics of the queues. Raises StoreUnavailable."""
    return {**await store.read(), **_queue_metrics(await administration.queues())}


class MetricsResource:
    """GET /metrics. Every gateway returns the metrics of all processes: scrape one of them."""

    def __init__(self, store: MetricStore, administration: Administration) -> None:
        self._store = store
        self._administration = administration

    async def on_get(self, request: Request, response: Response) -> None:
        """Return 200, or 503 if the store does not answer."""
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_StoreCollector(await read_metrics(self._store, self._administration)))
        response.content_type = _CONTENT_TYPE
        response.data = generate_latest(registry)

    on_head = on_get


class _StoreCollector(Collector):
    """Collector of values read from the store. A metric without labels has the value 0 before its first event."""

    def __init__(self, values: Mapping[Sample, float]) -> None:
        self._values = values

    def collect(self) -> Iterator[MetricFamily]:
        for name, metric in METRICS.items():
            label_sets = {sample.labels for sample in self._values if sample.metric == name}
            family = MetricFamily(name.removesuffix("_total"), metric.description, metric.kind.value)
            for labels in sorted(label_sets) or ([()] if not metric.labels else []):
                for suffix, bucket, value in self._series(name, metric, labels):
                    family.add_sample(f"{name}{suffix}", dict(zip(metric.labels, labels, strict=True)) | bucket, value)
            yield family

    def _series(
        self, name: str, metric: Metric, labels: tuple[str, ...]
    ) -> Iterator[tuple[str, dict[str, str], float]]:
        """Yield the suffix, the bucket label and the value of each sample."""

        def value_of(part: str) -> float:
            return self._values.get(Sample(name, labels, part), 0)

        if metric.kind in (Kind.COUNTER, Kind.GAUGE):
            yield "", {}, value_of("")
            return
        count = value_of("count")
        if metric.kind is Kind.HISTOGRAM:
            for bound in [*map(str, metric.buckets), "+Inf"]:
                count += value_of(bound)
                yield "_bucket", {"le": bound}, count
        yield "_count", {}, count
        yield "_sum", {}, value_of("sum")


def _queue_metrics(queues: Sequence[QueueStats]) -> dict[Sample, float]:
    values: dict[Sample, float] = {}
    for queue in queues:
        labels = (queue.name,)
        values[Sample("pyxec_queue_depth", labels)] = queue.waiting
        values[Sample("pyxec_queue_oldest_seconds", labels)] = queue.oldest_seconds or 0
        values[Sample("pyxec_queue_paused", labels)] = int(queue.is_paused)
        values[Sample("pyxec_pending_entries", labels)] = queue.running
        values[Sample("pyxec_delayed", labels)] = queue.delayed
        values[Sample("pyxec_dead_letters", labels)] = queue.dead
    return values
