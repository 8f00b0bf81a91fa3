"""Benchmark: CPU time of a job by component, compared with the same container without Pyxec."""

from __future__ import annotations

import time
from collections.abc import Callable
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
from bench.whole.stack import IMAGE, STACKS, THREADS, run_one_job, whole_stack

__all__ = ["PART"]

ROUNDS: Final = 2
# By isolation mode. The ratio of containers is the reciprocal of the throughput target: 1 / 0.9.
_TARGET_RATIOS: Final = {"container": 1.11, "cell": 0.18}
_BARE: Final = "bare engine loop"
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
    usages: dict[str, list[CpuUsage]] = {name: [] for name in (*STACKS.values(), _BARE)}
    jobs = extent.cost_jobs // ROUNDS
    with private_engine(source, [f"{IMAGE}:latest"]) as engine:
        for _ in range(ROUNDS):
            usages[_BARE].append(_bare(engine, jobs))
            advance()
            for isolation, name in STACKS.items():
                usages[name].append(_pyxec(engine, jobs, isolation))
                advance()
    mean = {name: _mean([usage.per_job for usage in measured]) for name, measured in usages.items()}
    program_ms = {name: mean[name].pop("program") for name in STACKS.values()}
    totals = {name: sum(parts.values()) for name, parts in mean.items()}
    targets = [
        Target(f"CPU time per job: {name} / {_BARE}", _TARGET_RATIOS[isolation], True, totals[name] / totals[_BARE])
        for isolation, name in STACKS.items()
    ]
    measurements = {
        "jobs": jobs * ROUNDS,
        "cpu_ms": mean,
        "program_ms": program_ms,
        "containers_per_job": {
            name: sum(usage.containers for usage in usages[name]) / (jobs * ROUNDS) for name in STACKS.values()
        },
        "idle_ms_per_second": {name: _mean([usage.idle for usage in usages[name]]) for name in STACKS.values()},
    }
    return Findings(targets, measurements)


def _bare(engine: PrivateEngine, jobs: int) -> CpuUsage:
    job = bare_loop(Engine(engine.host, _ENGINE_SECONDS), _NAMESPACE, engine.host)

    def read() -> Reading:
        return {"client": 1000 * time.process_time(), **engine.cpu_ms()}

    return _measure_usage(job, jobs, read, engine)


def _pyxec(engine: PrivateEngine, jobs: int, isolation: str) -> CpuUsage:
    with whole_stack(docker_host=engine.host, pyxec_isolation=isolation) as service:
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
    cpu_ms = measurements["cpu_ms"]
    components = list(dict.fromkeys(component for parts in cpu_ms.values() for component in parts))
    rows = [_row(component, [parts.get(component) for parts in cpu_ms.values()]) for component in components]
    totals = " | ".join(f"**{sum(parts.values()):.1f}**" for parts in cpu_ms.values())
    head = [f"| CPU ms per job | {' | '.join(cpu_ms)} |", f"|---|{'---:|' * len(cpu_ms)}"]
    return "\n".join([*head, *rows, f"| **all** | {totals} |", "", _notes(measurements)])


def _row(component: str, values: list[float | None]) -> str:
    return f"| {component} | {' | '.join('' if value is None else f'{value:.1f}' for value in values)} |"


def _notes(measurements: Measurements) -> str:
    """Return a sentence for each stack."""
    notes = [f"Means of {measurements['jobs']} jobs each."]
    for name, program_ms in measurements["program_ms"].items():
        idle = ", ".join(f"{part} {value:.1f}" for part, value in measurements["idle_ms_per_second"][name].items())
        notes.append(
            f"{name}: the program uses {program_ms:.1f} ms of the time of the containers; "
            f"{measurements['containers_per_job'][name]:.2f} containers were created per job; "
            f"idle usage in ms per second (subtracted): {idle}."
        )
    return " ".join(notes)


def _plot(measurements: Measurements) -> str:
    return bars("CPU time per job by component (ms)", " ms", measurements["cpu_ms"])


PART: Final = Part(
    title="CPU time",
    about="""\
CPU time depends little on other load. The stack runs one-line Python jobs, four at a time and in both isolation modes,
on a private engine in its own cgroup, so that short-lived processes such as `runc` are included. The bare loop creates
the same containers on the same engine with the program instead of the runner: create, attach, start, read, wait,
remove. `containers` is the CPU time in the cgroups of the containers: the end of `runc`'s start, the runner and the
program. The client of the API is not included; the client of the bare loop is, because it does the work of the worker.
The idle usage of each process is measured before and subtracted.""",
    steps=lambda extent: (1 + len(STACKS)) * ROUNDS,
    measure=_measure,
    table=_table,
    plots={"cost": _plot},
)
