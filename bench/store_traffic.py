"""What one job asks of Redis: commands, bytes, processor time; and what a worker asks for while nothing happens.

    python -m bench.store_traffic [--jobs 100]

All of it as the server itself counts it, for jobs sent with ``?wait=``, four at a time, to a whole stack of its own.
What the idle stack asks for in the same time is subtracted. Then submissions alone, with nobody who runs them: what the
API and Redis can be asked for at once. Commands within scripts are counted as commands, too. The tables are those of
docs/scaling.md.
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

from bench.gateway_service import GatewayService
from bench.http_calls import Call, HttpCalls
from bench.processes import family_cpu_ms
from bench.whole.stack import JOB, THREADS, run_one_job, whole_stack

__all__ = ["main"]

_SUBMISSION: Final = Call("POST", "/v1/jobs", JOB)
_IDLE_SECONDS: Final = 20.0
_SHOWN_SHARE: Final = 0.05

Reading = dict[str, float]


def main() -> None:
    """Measure, and print the tables."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    parser = argparse.ArgumentParser(prog="bench.store_traffic")
    parser.add_argument("--jobs", type=int, default=100)
    jobs = parser.parse_args().jobs
    with whole_stack() as service:
        http = HttpCalls(service.url)
        # Connections, scripts and the pool are there before it counts.
        _run(lambda: run_one_job(http), THREADS * 3)
        idle, idle_seconds = _during(service, lambda: time.sleep(_IDLE_SECONDS))
        busy, busy_seconds = _during(service, lambda: _run(lambda: run_one_job(http), jobs))
    a_second = {name: value / idle_seconds for name, value in idle.items()}
    a_job = {name: (value - a_second.get(name, 0) * busy_seconds) / jobs for name, value in busy.items()}
    print(_table({"a job": a_job, "a second, idle": a_second}))
    with whole_stack() as service:
        service.processes["worker"].terminate()
        service.processes["worker"].wait()
        http = HttpCalls(service.url)
        submitted, seconds = _during(service, lambda: _run(lambda: http.send(_SUBMISSION), jobs * 10))
    print(f"\nSubmissions alone: {jobs * 10 / seconds:.0f} a second, one API process\n")
    print(_table({"a submission": {name: value / jobs / 10 for name, value in submitted.items()}}))


def _run(job: Callable[[], object], count: int) -> None:
    with ThreadPoolExecutor(THREADS) as threads:
        for running in [threads.submit(job) for _ in range(count)]:
            running.result()


def _during(service: GatewayService, what: Callable[[], None]) -> tuple[Reading, float]:
    """What was counted meanwhile, and how long it took in seconds."""
    before, began = _read(service), time.monotonic()
    what()
    after = _read(service)
    return {name: value - before.get(name, 0) for name, value in after.items()}, time.monotonic() - began


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
        "= CPU µs, API": 1000 * family_cpu_ms(service.processes["api"].pid),
        "= CPU µs, worker": _worker_cpu_us(service),
    }


def _worker_cpu_us(service: GatewayService) -> float:
    worker = service.processes["worker"]
    return 0.0 if worker.poll() is not None else 1000 * family_cpu_ms(worker.pid)


def _table(columns: Mapping[str, Reading]) -> str:
    rows = [f"| | {' | '.join(columns)} |", f"|---|{'---:|' * len(columns)}"]
    names = sorted({*chain(*columns.values())}, key=lambda name: (name.startswith("="), name))
    for name in names:
        values = [column.get(name, 0) for column in columns.values()]
        if name.startswith("=") or max(values) >= _SHOWN_SHARE:
            digits = 0 if name.startswith("=") else 2
            shown = [f"{value:.{digits}f}" for value in values]
            rows.append(f"| {' | '.join([name.removeprefix('= '), *shown])} |")
    return "\n".join(rows)


if __name__ == "__main__":
    main()
