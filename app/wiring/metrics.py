"""Publication of a worker's metrics to Redis."""

from __future__ import annotations

from app.actors.maintain import PeriodicTask
from app.broker import StreamsBroker
from app.config import Settings
from app.core.metrics import Meter
from app.sandbox.sandbox import ContainerSandbox
from app.store.keys import StoreKeys
from app.store.metrics import PUBLISH_SECONDS, publish_metrics
from app.wiring.connections import client as redis_client

__all__ = ["publish_metrics_periodically"]


def publish_metrics_periodically(
    settings: Settings, broker: StreamsBroker, meter: Meter, sandbox: ContainerSandbox | None = None
) -> PeriodicTask:
    """Return the task that publishes the metrics of this process, including those of the pool if it has a sandbox."""
    client, keys = redis_client(settings), StoreKeys(settings.namespace)

    def publish() -> None:
        meter.count_up_to("pyxec_fenced_total", total=broker.fenced_total)
        if sandbox is not None:
            _read_pool(sandbox, meter)
        publish_metrics(client, keys, broker.consumer_name, meter)

    return PeriodicTask("publish_metrics", PUBLISH_SECONDS, publish)


def _read_pool(sandbox: ContainerSandbox, meter: Meter) -> None:
    for language, figures in sandbox.pool_stats().items():
        meter.set("pyxec_pool_idle", figures.idle, language)
        meter.count_up_to("pyxec_pool_hits_total", language, total=figures.hits)
        meter.count_up_to("pyxec_pool_misses_total", language, total=figures.misses)
        meter.count_up_to("pyxec_container_start_seconds", language, total=figures.launches, part="count")
        meter.count_up_to("pyxec_container_start_seconds", language, total=figures.launch_seconds, part="sum")
