"""Benchmark: sustained throughput of the whole stack, compared with a bare loop over the engine's API."""

from __future__ import annotations

import statistics
from contextlib import ExitStack
from typing import Final

from app.sandbox.engine.client import Engine
from bench.http_calls import HttpCalls
from bench.part import AdvanceProgress, Extent, Findings, Measurements, Part
from bench.plot import bars
from bench.sandbox.rate import Job, bare_loop, compare, steps
from bench.sandbox.under_test import docker_host
from bench.target import Target
from bench.whole.stack import STACKS, run_one_job, whole_stack

__all__ = ["PART"]

# By isolation mode.
_TARGET_RATIOS: Final = {"container": 0.9, "cell": 6.0}
_BARE: Final = "bare engine loop"
_ENGINE_SECONDS: Final = 60.0


def _measure(extent: Extent, advance: AdvanceProgress) -> Findings:
    loops: dict[str, Job] = {}
    with ExitStack() as stack:
        for isolation, name in STACKS.items():
            service = stack.enter_context(whole_stack(pyxec_isolation=isolation))
            loops[name] = _job_loop(HttpCalls(service.url))
        loops[_BARE] = bare_loop(Engine(docker_host(), _ENGINE_SECONDS), "bench-throughput-bare")
        comparison = compare(loops, advance)
    targets = [
        Target(
            f"sustained jobs per second: {name} / {_BARE}",
            _TARGET_RATIOS[isolation],
            False,
            comparison.ratio(name, _BARE),
        )
        for isolation, name in STACKS.items()
    ]
    return Findings(targets, comparison.details())


def _job_loop(http: HttpCalls) -> Job:
    return lambda: run_one_job(http)


def _table(measurements: Measurements) -> str:
    head = ["| jobs per second | median | / loop | concurrency | rounds |", "|---|---:|---:|---:|---|"]
    rounds = measurements["rounds"]
    rows = [
        f"| {name} | {rate:.2f} | {statistics.median(rates[name] / rates[_BARE] for rates in rounds):.2f} | "
        f"{measurements['concurrency'][name]} | {', '.join(f'{rates[name]:.1f}' for rates in rounds)} |"
        for name, rate in measurements["jobs_per_second"].items()
    ]
    return "\n".join([*head, *rows])


def _plot(measurements: Measurements) -> str:
    rows = {name: {"median": rate} for name, rate in measurements["jobs_per_second"].items()}
    return bars("Sustained jobs per second on two cores", "", rows)


PART: Final = Part(
    title="Sustained throughput",
    about="""\
The whole stack (API, server, worker with four threads, engine) and its client on the same two cores, in both isolation
modes, compared with a bare loop that creates the same containers over the API of the engine and does nothing else:
create, attach, start, read, wait, remove. Each runs at the concurrency (2, 4 or 8) at which it was fastest in short
trials. They alternate. The ratio is the median of the ratios of the rounds.""",
    steps=lambda extent: steps(len(STACKS) + 1),
    measure=_measure,
    table=_table,
    plots={"throughput": _plot},
)
