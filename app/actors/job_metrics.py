"""What is counted while jobs run."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from app.core.metrics import Meter
from app.core.results import JobResult
from app.core.states import JobState
from app.store.records import Claim

__all__ = ["JobMetrics"]


class JobMetrics:
    """Names the metrics of jobs. For any thread."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter

    def begun(self, claim: Claim, now_ms: int) -> None:
        """A worker has a job; how long it had waited counts for its first attempt only."""
        if claim.state is JobState.QUEUED and claim.created_at_ms is not None:
            self._meter.observe("pyxec_job_queue_seconds", max(0, now_ms - claim.created_at_ms) / 1000)

    @contextmanager
    def running(self) -> Iterator[None]:
        """While a sandbox runs a job."""
        began = time.monotonic()
        self._meter.add("pyxec_sandboxes_running", 1)
        try:
            yield
        finally:
            self._meter.add("pyxec_sandboxes_running", -1)
            self._meter.observe("pyxec_job_run_seconds", time.monotonic() - began)

    def ended(self, language: str, result: JobResult) -> None:
        """A job has its result, though it is not yet written."""
        self._meter.count("pyxec_jobs_total", result.outcome.value, language)
        if any(phase.stdout_truncated or phase.stderr_truncated for phase in result.phases):
            self._meter.count("pyxec_output_truncated_total")
