"""Benchmark: CPU time of a job by component, compared with the same container without Pyxec."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Final

from app.sandbox.engine.client import Engine, connect_docker
from bench.gateway.service import GatewayService
from bench.http_calls import HttpCalls
from bench.part import AdvanceProgress, Extent, Findings, Measurements, Part
from bench.plot import bars
from bench.processes import tree_cpu_ms
from bench.sandbox.rate import bare_loop
from bench.sandbox.under_test import docker_host
from bench.target import Target
from bench.whole.private_engine import PrivateEngine, private_engine
from bench.whole.stack import IMAGE, THREADS, run_one_job, whole_stack

__all__ = ["PART"]

ROUNDS: Final = 2
# The reciprocal of the throughput target: 1 / 0.9.
TARGET_RATIO: Final = 1.11
_WARM_UP_JOBS: Final = 20
_ENGINE_SECONDS: Final = 60.0
# Time for refills and removals of earlier jobs to complete.
_SETTLE_SECONDS: Final = 3.0
_REST_SECONDS: Final = 8.0
_CLOCK: Final = "seconds"
_NAMESPACE: Final = "bench-cost"

Reading = dict[str, float]


@dataclass(frozen=True)
class CpuUsage:
    """CPU time by component: ms per job above idle, and ms per second when idle."""

    per_job: Reading
    idle: Reading
    containers: int


def _measure(extent: Extent, advance: AdvanceProgress) -> Findings:
    source = connect_docker(docker_host())
    bare: list[CpuUsage] = []
    pyxec: list[CpuUsage] = []
    jobs = extent.cost_jobs // ROUNDS
    with private_engine(source, [f"{IMAGE}:latest"]) as engine:
        for _ in range(ROUNDS):
            bare.append(_bare(engine, jobs))
            advance()
            pyxec.append(_pyxec(engine, jobs))
            advance()
    mean = {
        "Pyxec": _mean([usage.per_job for usage in pyxec]),
        "bare engine loop": _mean([usage.per_job for usage in bare]),
    }
    program = mean["Pyxec"].pop("program")
    totals = {name: sum(parts.values()) for name, parts in mean.items()}
    ratio = totals["Pyxec"] / totals["bare engine loop"]
    target = Target("CPU time per job: Pyxec / bare engine loop", TARGET_RATIO, True, ratio, details=totals)
    measurements = {
        "jobs": jobs * ROUNDS,
        "cpu_ms": mean,
        "program_ms": program,
        "containers_per_job": sum(usage.containers for usage in pyxec) / (jobs * ROUNDS),
        "idle_ms_per_second": _mean([usage.idle for usage in pyxec]),
    }
    return Findings([target], measurements)


def _bare(engine: PrivateEngine, jobs: int) -> CpuUsage:
    job = bare_loop(Engine(engine.host, _ENGINE_SECONDS), _NAMESPACE, engine.host)

    def read() -> Reading:
        return {"client": 1000 * time.process_time(), **engine.cpu_ms()}

    return _measure_usage(job, jobs, read, engine)


def _pyxec(engine: PrivateEngine, jobs: int) -> CpuUsage:
    with whole_stack(docker_host=engine.host) as service:
        http = HttpCalls(service.url)
        programs: list[float] = []

        def job() -> None:
            programs.append(1000 * run_one_job(http)["usage"]["cpu_seconds"])

        usage = _measure_usage(job, jobs, lambda: {**_service(service), **engine.cpu_ms()}, engine)
        return replace(usage, per_job={**usage.per_job, "program": sum(programs[-jobs:]) / jobs})


def _service(service: GatewayService) -> Reading:
    info: Any = service.server.info("server")
    return {
        "api": tree_cpu_ms(service.processes["api"].pid),
        "redis": tree_cpu_ms(info["process_id"]),
        "worker": tree_cpu_ms(service.processes["worker"].pid),
    }


def _measure_usage(
    job: Callable[[], object], jobs: int, read: Callable[[], Reading], engine: PrivateEngine
) -> CpuUsage:
    """Measure at the concurrency of the worker, after the pool has grown."""
    _run(job, _WARM_UP_JOBS)
    idle = _measure_growth(read, lambda: time.sleep(_REST_SECONDS))
    idle = {name: value / idle[_CLOCK] for name, value in idle.items() if name != _CLOCK}
    with engine.record_created_containers() as made:
        busy = _measure_growth(read, lambda: _run(job, jobs))
    per_job = {name: (busy[name] - rate * busy[_CLOCK]) / jobs for name, rate in idle.items()}
    return CpuUsage(per_job, idle, len(made))


def _measure_growth(read: Callable[[], Reading], meanwhile: Callable[[], object]) -> Reading:
    """Return the increase of each value and the elapsed seconds."""
    before, started = read(), time.monotonic()
    meanwhile()
    after, seconds = read(), time.monotonic() - started
    return {**{name: after[name] - before[name] for name in after}, _CLOCK: seconds}


def _run(job: Callable[[], object], jobs: int) -> None:
    with ThreadPoolExecutor(THREADS) as threads:
        for running in [threads.submit(job) for _ in range(jobs)]:
            running.result()
    time.sleep(_SETTLE_SECONDS)


def _mean(readings: list[Reading]) -> Reading:
    return {name: sum(reading[name] for reading in readings) / len(readings) for name in readings[0]}


def _table(measurements: Measurements) -> str:
    pyxec, bare = measurements["cpu_ms"]["Pyxec"], measurements["cpu_ms"]["bare engine loop"]
    rows = [f"| {name} | {_cell(pyxec, name)} | {_cell(bare, name)} |" for name in {**pyxec, **bare}]
    total = f"| **all** | **{sum(pyxec.values()):.1f}** | **{sum(bare.values()):.1f}** |"
    head = ["| CPU ms per job | Pyxec | bare engine loop |", "|---|---:|---:|"]
    rest = measurements["idle_ms_per_second"]
    notes = [
        f"The program uses {measurements['program_ms']:.1f} ms of the time of the containers.",
        f"Means of {measurements['jobs']} jobs each; "
        f"Pyxec created {measurements['containers_per_job']:.2f} containers per job.",
        "Idle usage in ms per second (subtracted):",
        ", ".join(f"{name} {value:.1f}" for name, value in rest.items()) + ".",
    ]
    return "\n".join([*head, *rows, total, "", " ".join(notes)])


def _cell(parts: Mapping[str, float], name: str) -> str:
    return f"{parts[name]:.1f}" if name in parts else ""


def _plot(measurements: Measurements) -> str:
    return bars("CPU time per job by component (ms)", " ms", measurements["cpu_ms"])


PART: Final = Part(
    title="CPU time",
    about="""\
CPU time depends little on other load. The stack runs one-line Python jobs, four at a time, on a private engine in
its own cgroup, so that short-lived processes such as `runc` are included. The bare loop creates the same containers
on the same engine with the program instead of the runner: create, attach, start, read, wait, remove. `containers`
is the CPU time in the cgroups of the containers: the end of `runc`'s start, the runner and the program. The client
of the API is not included; the client of the bare loop is, because it does the work of the worker. The idle usage
of each process is measured before and subtracted.""",
    steps=lambda extent: 2 * ROUNDS,
    measure=_measure,
    table=_table,
    plots={"cost": _plot},
)
