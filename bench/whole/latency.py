"""Benchmark: latency of a one-line Python job over HTTP, compared with ``docker run --rm`` of the same program."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Final

from app.sandbox.engine.client import connect_docker
from bench.http_calls import HttpCalls
from bench.part import AdvanceProgress, Extent, Findings, Measurements, Part
from bench.plot import bars
from bench.sandbox.docker_run import docker_run
from bench.sandbox.under_test import docker_host
from bench.summary import Summary
from bench.target import Target
from bench.whole.stack import IMAGE, PROGRAM, check, run_one_job, whole_stack

__all__ = ["PART", "measure_alternately"]

WARM_UP_PAIRS: Final = 4
PAUSE_SECONDS: Final = 0.4
TARGET_RATIO: Final = 0.25
OURS: Final = "POST /v1/jobs?wait="

Measured = Callable[[], object]


def measure_alternately(
    first: Measured, second: Measured, pairs: int, advance: AdvanceProgress, pause_seconds: float = PAUSE_SECONDS
) -> tuple[list[float], list[float]]:
    """Call two functions alternately and return the seconds of their calls, without the first WARM_UP_PAIRS calls."""
    seconds: dict[Measured, list[float]] = {first: [], second: []}
    for index in range(WARM_UP_PAIRS + pairs):
        for call in (first, second) if index % 2 else (second, first):
            time.sleep(pause_seconds)
            started = time.perf_counter()
            call()
            seconds[call].append(time.perf_counter() - started)
        advance()
    return seconds[first][WARM_UP_PAIRS:], seconds[second][WARM_UP_PAIRS:]


def _measure(extent: Extent, advance: AdvanceProgress) -> Findings:
    client = connect_docker(docker_host())
    peer, run = docker_run(client, docker_host())

    def run_in_docker() -> None:
        check(peer, run(IMAGE, ["python3", "-c", PROGRAM]).decode())

    with whole_stack() as service:
        http = HttpCalls(service.url)
        ours, theirs = measure_alternately(lambda: run_one_job(http), run_in_docker, extent.pairs, advance)
    series = {OURS: Summary.from_seconds(ours), peer: Summary.from_seconds(theirs)}
    ratio = series[OURS].p50_ms / series[peer].p50_ms
    target = Target(f"p50 of submit-to-result over HTTP / {peer}", TARGET_RATIO, True, ratio)
    return Findings([target], {"series": {name: asdict(summary) for name, summary in series.items()}})


def _table(measurements: Measurements) -> str:
    head = ["| ms | n | p50 | p95 | min | max |", "|---|---:|---:|---:|---:|---:|"]
    keys = ("p50_ms", "p95_ms", "min_ms", "max_ms")
    rows = [
        f"| `{name}` | {series['count']} | {' | '.join(f'{series[key]:.1f}' for key in keys)} |"
        for name, series in measurements["series"].items()
    ]
    return "\n".join([*head, *rows])


def _plot(measurements: Measurements) -> str:
    rows = {name: {"p50": series["p50_ms"]} for name, series in measurements["series"].items()}
    return bars("One-line Python job, request to output: p50 (ms)", " ms", rows)


PART: Final = Part(
    title="Latency",
    about="""\
A one-line Python program: submit and wait over HTTP, compared with `docker run --rm` of the same program and image.
The two alternate, in changing order. A pause before each measurement lets the pool refill; otherwise the
measurement of `docker run` would include the creation of another container.""",
    steps=lambda extent: WARM_UP_PAIRS + extent.pairs,
    measure=_measure,
    table=_table,
    plots={"latency": _plot},
)
