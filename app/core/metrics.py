"""What is counted and measured, in one table: adding a metric is adding a row, and a line where it happens.

A process adds up what happens in it, and now and then hands the increments on to be added to everybody's. So the totals
survive any process, and whoever is asked for them tells of all.
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
    """What a metric is. A summary has a sum and a count only."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"
    SUMMARY = "summary"


@dataclass(frozen=True)
class Metric:
    """One row. ``buckets`` are the upper bounds of a histogram, without the infinite one."""

    kind: Kind
    description: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)

METRICS: Final[dict[str, Metric]] = {
    "pyxec_jobs_total": Metric(Kind.COUNTER, "Jobs that have ended on a worker.", ("outcome", "language")),
    "pyxec_job_queue_seconds": Metric(Kind.HISTOGRAM, "From acceptance to the first begin.", (), _SECONDS),
    "pyxec_job_run_seconds": Metric(Kind.HISTOGRAM, "From begin to result, sandbox included.", (), _SECONDS),
    "pyxec_output_truncated_total": Metric(Kind.COUNTER, "Jobs whose output was cut off at its limit."),
    "pyxec_fenced_total": Metric(Kind.COUNTER, "Writes that were refused because the lease was lost."),
    "pyxec_recovered_total": Metric(Kind.COUNTER, "Messages taken from workers that fell silent."),
    "pyxec_container_start_seconds": Metric(Kind.SUMMARY, "From creation to a ready runner.", ("language",)),
    "pyxec_pool_idle": Metric(Kind.GAUGE, "Warm sandboxes.", ("language",)),
    "pyxec_pool_hits_total": Metric(Kind.COUNTER, "Jobs that found a warm sandbox.", ("language",)),
    "pyxec_pool_misses_total": Metric(Kind.COUNTER, "Jobs that found none.", ("language",)),
    "pyxec_sandboxes_running": Metric(Kind.GAUGE, "Sandboxes that run a job."),
    "pyxec_sandboxes_orphaned_total": Metric(Kind.COUNTER, "Containers of lost workers that had to be removed."),
    "pyxec_rejected_total": Metric(Kind.COUNTER, "Requests and jobs refused for want of rights or room.", ("reason",)),
    "pyxec_websockets_open": Metric(Kind.GAUGE, "Open WebSockets."),
    "pyxec_queue_depth": Metric(Kind.GAUGE, "Messages that wait.", ("queue",)),
    "pyxec_queue_oldest_seconds": Metric(Kind.GAUGE, "Age of the oldest message that waits.", ("queue",)),
    "pyxec_pending_entries": Metric(Kind.GAUGE, "Messages that workers hold.", ("queue",)),
    "pyxec_delayed": Metric(Kind.GAUGE, "Messages that are not due yet.", ("queue",)),
    "pyxec_dead_letters": Metric(Kind.GAUGE, "Messages that were given up.", ("queue",)),
}


class Sample(msgspec.Struct, frozen=True, array_like=True):
    """One number's name. ``part`` is empty, ``sum``, ``count``, or the upper bound of a bucket."""

    metric: str
    labels: tuple[str, ...]
    part: str = ""


class Meter:
    """What has happened in this process since it was last asked. For any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._increments: dict[Sample, float] = defaultdict(float)
        self._told: dict[Sample, float] = {}
        self._gauges: dict[Sample, float] = defaultdict(float)

    def count(self, metric: str, *labels: str, by: float = 1) -> None:
        """Something happened."""
        with self._lock:
            self._increments[_sample(metric, labels)] += by

    def count_up_to(self, metric: str, *labels: str, total: float, part: str = "") -> None:
        """Somebody else counts in this process; ``total`` is what he has come to."""
        sample = Sample(metric, labels, part)
        with self._lock:
            self._increments[sample] += total - self._told.get(sample, 0)
            self._told[sample] = total

    def observe(self, metric: str, value: float, *labels: str) -> None:
        """A measurement."""
        bounds = [*map(str, METRICS[metric].buckets), "+Inf"]
        inside = next((bound for bound in bounds if value <= float(bound)), bounds[-1])
        with self._lock:
            self._increments[Sample(metric, labels, inside)] += 1
            self._increments[Sample(metric, labels, "sum")] += value

    def add(self, metric: str, change: float, *labels: str) -> None:
        """A gauge goes up or down."""
        with self._lock:
            self._gauges[_sample(metric, labels)] += change

    def set(self, metric: str, value: float, *labels: str) -> None:
        """A gauge stands somewhere."""
        with self._lock:
            self._gauges[_sample(metric, labels)] = value

    def take(self) -> dict[Sample, float]:
        """The increments since the last time."""
        with self._lock:
            taken = {sample: value for sample, value in self._increments.items() if value}
            self._increments.clear()
        return taken

    def put_back(self, increments: Mapping[Sample, float]) -> None:
        """They could not be handed on."""
        with self._lock:
            for sample, value in increments.items():
                self._increments[sample] += value

    def gauges(self) -> dict[Sample, float]:
        """Where they stand."""
        with self._lock:
            return dict(self._gauges)


def _sample(metric: str, labels: tuple[str, ...]) -> Sample:
    assert len(METRICS[metric].labels) == len(labels), metric
    return Sample(metric, labels)
