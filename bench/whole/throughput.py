"""Benchmark: sustained throughput of the whole stack, compared with a bare loop over the engine's API."""

from __future__ import annotations

from typing import Final

from app.sandbox.engine.client import Engine
from bench.http_calls import HttpCalls
from bench.part import AdvanceProgress, Extent, Findings, Measurements, Part
from bench.plot import bars
from bench.sandbox.rate import STEPS, bare_loop, compare
from bench.sandbox.under_test import docker_host
from bench.target import Target
from bench.whole.stack import run_one_job, whole_stack

__all__ = ["PART"]

TARGET_RATIO: Final = 0.9
_ENGINE_SECONDS: Final = 60.0


def _measure(extent: Extent, advance: AdvanceProgress) -> Findings:
    with whole_stack() as service:
        http = HttpCalls(service.url)
        engine = Engine(docker_host(), _ENGINE_SECONDS)
        bare = bare_loop(engine, f"{service.environment['PYXEC_NAMESPACE']}-bare")
        ratio, details = compare({"Pyxec": lambda: run_one_job(http), "bare engine loop": bare}, advance)
    target = Target("sustained jobs per second: whole stack / bare engine loop", TARGET_RATIO, False, ratio)
    return Findings([target], details)


def _table(measurements: Measurements) -> str:
    head = ["| jobs per second | median | concurrency | rounds |", "|---|---:|---:|---|"]
    rows = [
        f"| {name} | {rate:.2f} | {measurements['concurrency'][name]} | "
        + ", ".join(f"{rates[name]:.1f}" for rates in measurements["rounds"])
        + " |"
        for name, rate in measurements["jobs_per_second"].items()
    ]
    ratios = ", ".join(f"{ratio:.2f}" for ratio in measurements["ratios"])
    return "\n".join([*head, *rows, f"\nRatios of the rounds: {ratios}."])


def _plot(measurements: Measurements) -> str:
    rows = {name: {"median": rate} for name, rate in measurements["jobs_per_second"].items()}
    return bars("Sustained jobs per second on two cores", "", rows)


PART: Final = Part(
    title="Sustained throughput",
    about="""\
The whole stack (API, server, worker with four threads, engine) and its client on the same two cores, compared with
a bare loop that creates the same containers over the API of the engine and does nothing else: create, attach,
start, read, wait, remove. Each runs at the concurrency (2, 4 or 8) at which it was fastest in short trials. The two
alternate. The ratio is the median of the ratios of the rounds.""",
    steps=lambda extent: STEPS,
    measure=_measure,
    table=_table,
    plots={"throughput": _plot},
)
