"""Where the processors' time of a job goes: milliseconds by component, beside the same container without Pyxec."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Final

import docker

from app.sandbox.engine.client import Engine
from bench.gateway_service import GatewayService
from bench.http_calls import HttpCalls
from bench.own_engine import OwnEngine, own_engine
from bench.part import Advance, Extent, Figures, Findings, Part
from bench.plot import bars
from bench.processes import family_cpu_ms
from bench.sandbox_rate import bare_loop
from bench.sandbox_target import Target
from bench.sandbox_under_test import docker_host
from bench.whole.stack import IMAGE, THREADS, one_job, whole_stack

__all__ = ["PART"]

ROUNDS: Final = 2
# As much as sustained throughput may be lower: 1 / 0.9.
TARGET_RATIO: Final = 1.11
_WARM_UP_JOBS: Final = 20
_ENGINE_SECONDS: Final = 60.0
# Refills and removals that are under way belong to the jobs before: they have to be over on either side.
_SETTLE_SECONDS: Final = 3.0
_REST_SECONDS: Final = 8.0
_CLOCK: Final = "seconds"
_NAMESPACE: Final = "bench-cost"

Reading = dict[str, float]


@dataclass(frozen=True)
class Taken:
    """Processor time by component, in milliseconds: of a job beyond what goes on anyway, and of a second at rest."""

    a_job: Reading
    at_rest: Reading
    containers: int


def _measure(extent: Extent, advance: Advance) -> Findings:
    source = docker.APIClient(base_url=docker_host(), version="auto")
    bare: list[Taken] = []
    pyxec: list[Taken] = []
    jobs = extent.cost_jobs // ROUNDS
    with own_engine(source, [f"{IMAGE}:latest"]) as engine:
        for _ in range(ROUNDS):
            bare.append(_bare(engine, jobs))
            advance()
            pyxec.append(_pyxec(engine, jobs))
            advance()
    mean = {"Pyxec": _mean([one.a_job for one in pyxec]), "bare engine loop": _mean([one.a_job for one in bare])}
    program = mean["Pyxec"].pop("program")
    totals = {name: sum(parts.values()) for name, parts in mean.items()}
    ratio = totals["Pyxec"] / totals["bare engine loop"]
    target = Target("processor time of a job: Pyxec / bare engine loop", TARGET_RATIO, True, ratio, details=totals)
    figures = {
        "jobs": jobs * ROUNDS,
        "cpu_ms": mean,
        "program_ms": program,
        "containers_a_job": sum(one.containers for one in pyxec) / (jobs * ROUNDS),
        "at_rest_ms_a_second": _mean([one.at_rest for one in pyxec]),
    }
    return Findings([target], figures)


def _bare(engine: OwnEngine, jobs: int) -> Taken:
    job = bare_loop(Engine(engine.host, _ENGINE_SECONDS), _NAMESPACE, engine.host)

    def read() -> Reading:
        return {"client": 1000 * time.process_time(), **engine.cpu_ms()}

    return _taken(job, jobs, read, engine)


def _pyxec(engine: OwnEngine, jobs: int) -> Taken:
    with whole_stack(docker_host=engine.host) as service:
        http = HttpCalls(service.url)
        programs: list[float] = []

        def job() -> None:
            programs.append(1000 * one_job(http)["usage"]["cpu_seconds"])

        taken = _taken(job, jobs, lambda: {**_service(service), **engine.cpu_ms()}, engine)
        return replace(taken, a_job={**taken.a_job, "program": sum(programs[-jobs:]) / jobs})


def _service(service: GatewayService) -> Reading:
    info: Any = service.server.info("server")
    return {
        "api": family_cpu_ms(service.processes["api"].pid),
        "redis": family_cpu_ms(info["process_id"]),
        "worker": family_cpu_ms(service.processes["worker"].pid),
    }


def _taken(job: Callable[[], object], jobs: int, read: Callable[[], Reading], engine: OwnEngine) -> Taken:
    """At the worker's concurrency, once the pool has grown to what that needs."""
    _run(job, _WARM_UP_JOBS)
    at_rest = _grown(read, lambda: time.sleep(_REST_SECONDS))
    idle = {name: value / at_rest[_CLOCK] for name, value in at_rest.items() if name != _CLOCK}
    with engine.containers_made() as made:
        busy = _grown(read, lambda: _run(job, jobs))
    a_job = {name: (busy[name] - rate * busy[_CLOCK]) / jobs for name, rate in idle.items()}
    return Taken(a_job, idle, len(made))


def _grown(read: Callable[[], Reading], meanwhile: Callable[[], object]) -> Reading:
    """By how much each figure has grown, and how many seconds passed."""
    before, began = read(), time.monotonic()
    meanwhile()
    after, seconds = read(), time.monotonic() - began
    return {**{name: after[name] - before[name] for name in after}, _CLOCK: seconds}


def _run(job: Callable[[], object], jobs: int) -> None:
    with ThreadPoolExecutor(THREADS) as threads:
        for running in [threads.submit(job) for _ in range(jobs)]:
            running.result()
    time.sleep(_SETTLE_SECONDS)


def _mean(readings: list[Reading]) -> Reading:
    return {name: sum(reading[name] for reading in readings) / len(readings) for name in readings[0]}


def _table(figures: Figures) -> str:
    pyxec, bare = figures["cpu_ms"]["Pyxec"], figures["cpu_ms"]["bare engine loop"]
    rows = [f"| {name} | {_cell(pyxec, name)} | {_cell(bare, name)} |" for name in {**pyxec, **bare}]
    total = f"| **all** | **{sum(pyxec.values()):.1f}** | **{sum(bare.values()):.1f}** |"
    head = ["| CPU milliseconds a job | Pyxec | bare engine loop |", "|---|---:|---:|"]
    rest = figures["at_rest_ms_a_second"]
    notes = [
        f"Of the containers' time the program itself takes {figures['program_ms']:.1f} ms.",
        f"Means of {figures['jobs']} jobs each; for a job Pyxec made {figures['containers_a_job']:.2f} containers.",
        "At rest, in milliseconds a second (not in the table):",
        ", ".join(f"{name} {value:.1f}" for name, value in rest.items()) + ".",
    ]
    return "\n".join([*head, *rows, total, "", " ".join(notes)])


def _cell(parts: Mapping[str, float], name: str) -> str:
    return f"{parts[name]:.1f}" if name in parts else ""


def _plot(figures: Figures) -> str:
    return bars("Processor time of one job, by component (ms)", " ms", figures["cpu_ms"])


PART: Final = Part(
    title="Where the time goes",
    about="""\
Processor time, not time on a clock: other work on the machine changes it little. The stack runs one-line Python jobs,
four at a time, on an engine of its own in a control group of its own, so that everything the engine starts is
counted: the short-lived `runc`, too, which no sampling would see. The bare loop makes the same containers on the same
engine, with the program in place of the runner: create, attach, start, read, wait, remove. `containers` is what ran
in the containers' own groups: the last part of `runc`'s start, our runner, the program. The client of the API is not
counted; of the bare loop it is, since there the client does the worker's work. What each process takes when nothing
happens is measured just before, and taken off.""",
    steps=lambda extent: 2 * ROUNDS,
    measure=_measure,
    table=_table,
    plots={"cost": _plot},
)
