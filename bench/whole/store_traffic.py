"""Redis load of a job: commands, bytes and CPU time, and the load of an idle worker.

    python -m bench.whole.store_traffic [--jobs 100]

The values are the counters of the server, for jobs submitted with ``?wait=`` at a concurrency of four to a private
stack. The load of the idle stack is subtracted. A second table shows submissions without a worker. Commands inside
scripts count as commands. docs/scaling.md contains the tables.
"""

from __future__ import annotations

import argparse
import logging
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from typing import Any, Final

import structlog

from bench.gateway.service import GatewayService
from bench.http_calls import Call, HttpCalls
from bench.processes import tree_cpu_ms
from bench.whole.stack import JOB, THREADS, run_one_job, whole_stack

__all__ = ["main"]

_SUBMISSION: Final = Call("POST", "/v1/jobs", JOB)
_IDLE_SECONDS: Final = 20.0
_MIN_SHOWN: Final = 0.05

Reading = dict[str, float]


def main() -> None:
    """Measure and print the tables."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    parser = argparse.ArgumentParser(prog="bench.whole.store_traffic")
    parser.add_argument("--jobs", type=int, default=100)
    jobs = parser.parse_args().jobs
    with whole_stack() as service:
        http = HttpCalls(service.url)
        # Warm-up: connections, scripts and the pool.
        _run(lambda: run_one_job(http), THREADS * 3)
        idle, idle_seconds = _measure_during(service, lambda: time.sleep(_IDLE_SECONDS))
        busy, busy_seconds = _measure_during(service, lambda: _run(lambda: run_one_job(http), jobs))
    per_second = {name: value / idle_seconds for name, value in idle.items()}
    per_job = {name: (value - per_second.get(name, 0) * busy_seconds) / jobs for name, value in busy.items()}
    print(_table({"per job": per_job, "per second, idle": per_second}))
    with whole_stack() as service:
        service.processes["worker"].terminate()
        service.processes["worker"].wait()
        http = HttpCalls(service.url)
        submitted, seconds = _measure_during(service, lambda: _run(lambda: http.send(_SUBMISSION), jobs * 10))
    print(f"\nSubmissions only: {jobs * 10 / seconds:.0f} per second, one API process\n")
    print(_table({"per submission": {name: value / jobs / 10 for name, value in submitted.items()}}))


def _run(job: Callable[[], object], count: int) -> None:
    with ThreadPoolExecutor(THREADS) as threads:
        for running in [threads.submit(job) for _ in range(count)]:
            running.result()


def _measure_during(service: GatewayService, action: Callable[[], None]) -> tuple[Reading, float]:
    """Return the increase of the counters during an action, and its duration in seconds."""
    before, started = _read(service), time.monotonic()
    action()
    after = _read(service)
    return {name: value - before.get(name, 0) for name, value in after.items()}, time.monotonic() - started


def _read(service: GatewayService) -> Reading:
    info: Any = service.server.info("everything")
    commands = {
        name.removeprefix("cmdstat_"): float(stats["calls"])
        for name, stats in info.items()
        if name.startswith("cmdstat_") and name != "cmdstat_info"
    }
    return {
        **commands,
        "= bytes in": info["total_net_input_bytes"],
        "= bytes out": info["total_net_output_bytes"],
        "= bytes written (append-only file)": info["aof_current_size"],
        "= CPU µs, Redis": 1e6 * (info["used_cpu_sys"] + info["used_cpu_user"]),
        "= µs in scripts": info.get("cmdstat_evalsha", {}).get("usec", 0),
        "= CPU µs, API": 1000 * tree_cpu_ms(service.processes["api"].pid),
        "= CPU µs, worker": _worker_cpu_us(service),
    }


def _worker_cpu_us(service: GatewayService) -> float:
    worker = service.processes["worker"]
    return 0.0 if worker.poll() is not None else 1000 * tree_cpu_ms(worker.pid)


def _table(columns: Mapping[str, Reading]) -> str:
    rows = [f"| | {' | '.join(columns)} |", f"|---|{'---:|' * len(columns)}"]
    names = sorted({*chain(*columns.values())}, key=lambda name: (name.startswith("="), name))
    for name in names:
        values = [column.get(name, 0) for column in columns.values()]
        if name.startswith("=") or max(values) >= _MIN_SHOWN:
            digits = 0 if name.startswith("=") else 2
            shown = [f"{value:.{digits}f}" for value in values]
            rows.append(f"| {' | '.join([name.removeprefix('= '), *shown])} |")
    return "\n".join(rows)


if __name__ == "__main__":
    main()
