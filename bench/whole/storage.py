"""Benchmark: memory of Redis that a finished one-line job occupies until its retention time ends."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from bench.gateway.service import GatewayService
from bench.http_calls import HttpCalls
from bench.part import AdvanceProgress, Extent, Findings, Measurements, Part
from bench.target import Target
from bench.whole.stack import THREADS, run_one_job, whole_stack

__all__ = ["PART"]

TARGET_BYTES: Final = 3000
_WARM_UP_JOBS: Final = 3 * THREADS


def _measure(extent: Extent, advance: AdvanceProgress) -> Findings:
    with whole_stack() as service:
        http = HttpCalls(service.url)
        _run_jobs(http, _WARM_UP_JOBS)
        before = _used_memory(service)
        advance()
        _run_jobs(http, extent.stored_jobs)
        bytes_per_job = (_used_memory(service) - before) / extent.stored_jobs
    advance()
    return Findings(
        [Target("memory of a finished one-line job in Redis", TARGET_BYTES / 1000, True, bytes_per_job / 1000, " kB")],
        {"jobs": extent.stored_jobs, "bytes_per_job": bytes_per_job},
    )


def _run_jobs(http: HttpCalls, count: int) -> None:
    with ThreadPoolExecutor(THREADS) as threads:
        for running in [threads.submit(run_one_job, http) for _ in range(count)]:
            running.result()


def _used_memory(service: GatewayService) -> int:
    info: Any = service.server.info("memory")
    return int(info["used_memory"])


def _table(measurements: Measurements) -> str:
    head = ["| finished jobs | memory for each |", "|---:|---:|"]
    return "\n".join([*head, f"| {measurements['jobs']:,} | {measurements['bytes_per_job']:,.0f} bytes |"])


PART: Final = Part(
    title="Storage",
    about="""\
The growth of `used_memory` of Redis while one-line Python jobs run, divided by their number. It includes the record,
the output log, the entries of the storage quota and the keys. A job occupies this memory until its retention time
ends (`PYXEC_RESULT_TTL_SECONDS`). Its source and inputs are deleted when it finishes.""",
    steps=lambda extent: 2,
    measure=_measure,
    table=_table,
    plots={},
)
