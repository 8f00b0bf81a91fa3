"""The table of all metrics, and the meter in which a process collects their values.

To add a metric, add a row to ``METRICS`` and a call of the meter where the event happens. A process publishes its
increments to Redis, where they are added to the totals of all processes. The totals therefore survive each process.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import msgspec

__all__ = ["METRICS", "Kind", "Meter", "Metric", "Sample"]


class Kind(StrEnum):
    """The Prometheus type of a metric. A summary has no quantiles, only a sum and a count."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"
    SUMMARY = "summary"


@dataclass(frozen=True)
class Metric:
    """A row of the table.

    Attributes:
        kind: Type of the metric.
        description: The help text of the metric.
        labels: Label names.
        buckets: Upper bounds of a histogram in ascending order, without ``+Inf``.
    """

    kind: Kind
    description: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)

METRICS: Final[dict[str, Metric]] = {
    "pyxec_jobs_total": Metric(Kind.COUNTER, "Jobs that finished on a worker.", ("outcome", "language")),
    "pyxec_job_queue_seconds": Metric(Kind.HISTOGRAM, "Time from acceptance to the first start.", (), _SECONDS),
    "pyxec_job_run_seconds": Metric(Kind.HISTOGRAM, "Time from start to result, in the sandbox.", (), _SECONDS),
    "pyxec_jobs_released_total": Metric(
        Kind.COUNTER, "Jobs that were returned to the queue because their host could not launch a sandbox.", ("reason",)
    ),
    "pyxec_job_attempts_failed_total": Metric(
        Kind.COUNTER, "Started attempts that failed because of a fault of the service, by error.", ("reason",)
    ),
    "pyxec_workers": Metric(Kind.GAUGE, "Live workers that run jobs, including paused ones."),
    "pyxec_worker_slots": Metric(Kind.GAUGE, "Jobs that the live workers can run at once."),
    "pyxec_worker_paused": Metric(Kind.GAUGE, "Workers that fetch no jobs because of their engine.", ("reason",)),
    "pyxec_periodic_tasks_failed_total": Metric(
        Kind.COUNTER, "Runs of periodic tasks that failed. The next run follows.", ("task",)
    ),
    "pyxec_output_truncated_total": Metric(Kind.COUNTER, "Jobs whose output was truncated at its limit."),
    "pyxec_fenced_total": Metric(Kind.COUNTER, "Writes rejected because the lease was lost."),
    "pyxec_recovered_total": Metric(Kind.COUNTER, "Messages recovered from lost workers."),
    "pyxec_container_start_seconds": Metric(Kind.SUMMARY, "Time from creation to a ready runner.", ("language",)),
    "pyxec_pool_idle": Metric(Kind.GAUGE, "Idle sandboxes in the pool.", ("language",)),
    "pyxec_pool_hits_total": Metric(Kind.COUNTER, "Jobs that got an idle sandbox of the pool.", ("language",)),
    "pyxec_pool_misses_total": Metric(Kind.COUNTER, "Jobs that had to wait for a new sandbox.", ("language",)),
    "pyxec_sandboxes_running": Metric(Kind.GAUGE, "Sandboxes that run a job."),
    "pyxec_sandboxes_orphaned_total": Metric(Kind.COUNTER, "Removed containers of lost workers."),
    "pyxec_rejected_total": Metric(
        Kind.COUNTER, "Requests and jobs rejected for lack of permission or capacity.", ("reason",)
    ),
    "pyxec_websockets_open": Metric(Kind.GAUGE, "Open WebSocket connections."),
    "pyxec_queue_depth": Metric(Kind.GAUGE, "Waiting messages.", ("queue",)),
    "pyxec_queue_oldest_seconds": Metric(Kind.GAUGE, "Age of the oldest waiting message.", ("queue",)),
    "pyxec_queue_paused": Metric(Kind.GAUGE, "1 while the queue is paused by an operator, else 0.", ("queue",)),
    "pyxec_pending_entries": Metric(Kind.GAUGE, "Messages that workers hold.", ("queue",)),
    "pyxec_delayed": Metric(Kind.GAUGE, "Messages that are not due yet.", ("queue",)),
    "pyxec_dead_letters": Metric(Kind.GAUGE, "Dead letters.", ("queue",)),
    "pyxec_max_backlog": Metric(Kind.GAUGE, "Number of queued jobs from which on submissions are rejected."),
    "pyxec_redis_memory_bytes": Metric(Kind.GAUGE, "Memory that Redis uses."),
    "pyxec_redis_memory_max_bytes": Metric(Kind.GAUGE, "Limit of the memory of Redis (maxmemory). 0 for none."),
    "pyxec_http_requests_total": Metric(
        Kind.COUNTER,
        "HTTP requests, by route, method and status. WebSockets are not counted.",
        ("route", "method", "status"),
    ),
    "pyxec_http_request_seconds": Metric(
        Kind.HISTOGRAM, "Time until the response to a request starts.", ("route",), _SECONDS
    ),
    "pyxec_webhooks_total": Metric(Kind.COUNTER, "Attempts to deliver a webhook.", ("result",)),
    "pyxec_workers_by_isolation": Metric(Kind.GAUGE, "Live workers, by PYXEC_ISOLATION.", ("mode",)),
    "pyxec_cells": Metric(Kind.GAUGE, "Cells, by state: idle or busy (with or for a job).", ("language", "state")),
    "pyxec_build_info": Metric(Kind.GAUGE, "1, with the version of the gateway.", ("version",)),
}


class Sample(msgspec.Struct, frozen=True, array_like=True):
    """Identifies one number of a metric.

    Attributes:
        metric: Name of the metric.
        labels: Label values, in the order of ``Metric.labels``.
        part: For a histogram the upper bound of a bucket or ``sum``, for a summary ``count`` or ``sum``, else empty.
            A bucket counts the values above the previous bound: it is not cumulative.
    """

    metric: str
    labels: tuple[str, ...]
    part: str = ""


class Meter:
    """Collects the increments of counters and the values of gauges in one process. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._increments: dict[Sample, float] = defaultdict(float)
        self._last_totals: dict[Sample, float] = {}
        self._gauges: dict[Sample, float] = defaultdict(float)

    def count(self, metric: str, *labels: str, by: float = 1) -> None:
        """Increase a counter."""
        with self._lock:
            self._increments[_sample(metric, labels)] += by

    def count_up_to(self, metric: str, *labels: str, total: float, part: str = "") -> None:
        """Increase a counter, or a part of a summary, to a total that another component of this process counts."""
        sample = Sample(metric, labels, part)
        with self._lock:
            self._increments[sample] += total - self._last_totals.get(sample, 0)
            self._last_totals[sample] = total

    def observe(self, metric: str, value: float, *labels: str) -> None:
        """Add a value to a histogram."""
        bounds = [*map(str, METRICS[metric].buckets), "+Inf"]
        bucket = next((bound for bound in bounds if value <= float(bound)), bounds[-1])
        with self._lock:
            self._increments[Sample(metric, labels, bucket)] += 1
            self._increments[Sample(metric, labels, "sum")] += value

    def add(self, metric: str, change: float, *labels: str) -> None:
        """Add to a gauge."""
        with self._lock:
            self._gauges[_sample(metric, labels)] += change

    def set(self, metric: str, value: float, *labels: str) -> None:
        """Set a gauge."""
        with self._lock:
            self._gauges[_sample(metric, labels)] = value

    def take_increments(self) -> dict[Sample, float]:
        """Return the increments since the last call and reset them."""
        with self._lock:
            increments = {sample: value for sample, value in self._increments.items() if value}
            self._increments.clear()
        return increments

    def restore(self, increments: Mapping[Sample, float]) -> None:
        """Add increments that could not be published."""
        with self._lock:
            for sample, value in increments.items():
                self._increments[sample] += value

    def gauges(self) -> dict[Sample, float]:
        """Return the values of all gauges."""
        with self._lock:
            return dict(self._gauges)


def _sample(metric: str, labels: tuple[str, ...]) -> Sample:
    assert len(METRICS[metric].labels) == len(labels), metric
    return Sample(metric, labels)
