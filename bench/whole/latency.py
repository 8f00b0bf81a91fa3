"""Benchmark: latency of a one-line Python job over HTTP, compared with ``docker run --rm`` and with the interpreter."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
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
from bench.whole.stack import IMAGE, PROGRAM, STACKS, check, run_one_job, whole_stack

__all__ = ["PART", "measure_alternately"]

WARM_UP_ROUNDS: Final = 4
PAUSE_SECONDS: Final = 0.4
_DOCKER_RATIO: Final = 0.09
_ADDED_MS: Final = 8.0
_INTERPRETER: Final = "interpreter without a sandbox"

Measured = Callable[[], object]


def measure_alternately(
    calls: Mapping[str, Measured], rounds: int, advance: AdvanceProgress, pause_seconds: float = PAUSE_SECONDS
) -> dict[str, list[float]]:
    """Call functions alternately, in another order in each round.

    Returns:
        The seconds of the calls of each function, without the first WARM_UP_ROUNDS calls.
    """
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    names = list(calls)
    for _ in range(WARM_UP_ROUNDS + rounds):
        for name in names:
            time.sleep(pause_seconds)
            started = time.perf_counter()
            calls[name]()
            seconds[name].append(time.perf_counter() - started)
        names = [*names[1:], names[0]]
        advance()
    return {name: values[WARM_UP_ROUNDS:] for name, values in seconds.items()}


def _measure(extent: Extent, advance: AdvanceProgress) -> Findings:
    client = connect_docker(docker_host())
    docker_name, run = docker_run(client, docker_host())
    calls: dict[str, Measured] = {
        docker_name: lambda: check(docker_name, run(IMAGE, ["python3", "-c", PROGRAM]).decode()),
        _INTERPRETER: _run_interpreter,
    }
    with ExitStack() as stack:
        for isolation, name in STACKS.items():
            service = stack.enter_context(whole_stack(pyxec_isolation=isolation))
            calls[name] = _job(HttpCalls(service.url))
        seconds = measure_alternately(calls, extent.pairs, advance)
    series = {name: Summary.from_seconds(values) for name, values in seconds.items()}
    containers, cells = (series[STACKS[isolation]].p50_ms for isolation in ("container", "cell"))
    targets = [
        Target(
            f"p50 of submit-to-result over HTTP: {STACKS['container']} / {docker_name}",
            _DOCKER_RATIO,
            True,
            containers / series[docker_name].p50_ms,
        ),
        Target(
            f"p50 of submit-to-result over HTTP: {STACKS['cell']} - {_INTERPRETER}",
            _ADDED_MS,
            True,
            cells - series[_INTERPRETER].p50_ms,
            " ms",
        ),
    ]
    return Findings(targets, {"series": {name: asdict(summary) for name, summary in series.items()}})


def _job(http: HttpCalls) -> Measured:
    return lambda: run_one_job(http)


def _run_interpreter() -> None:
    done = subprocess.run(["/usr/bin/python3", "-c", PROGRAM], capture_output=True, text=True, check=True)
    check(_INTERPRETER, done.stdout)


def _table(measurements: Measurements) -> str:
    head = ["| ms | n | p50 | p95 | min | max |", "|---|---:|---:|---:|---:|---:|"]
    keys = ("p50_ms", "p95_ms", "min_ms", "max_ms")
    rows = [
        f"| {name} | {series['count']} | {' | '.join(f'{series[key]:.1f}' for key in keys)} |"
        for name, series in measurements["series"].items()
    ]
    return "\n".join([*head, *rows])


def _plot(measurements: Measurements) -> str:
    rows = {name: {"p50": series["p50_ms"]} for name, series in measurements["series"].items()}
    return bars("One-line Python job, request to output: p50 (ms)", " ms", rows)


PART: Final = Part(
    title="Latency",
    about="""\
A one-line Python program: submit and wait over HTTP (`POST /v1/jobs?wait=`) in both isolation modes, compared with
`docker run --rm` of the same program and image, and with the interpreter of this machine. They alternate, in changing
order. A pause before each measurement lets the pool refill; otherwise the measurement of `docker run` would include
the creation of another container.""",
    steps=lambda extent: WARM_UP_ROUNDS + extent.pairs,
    measure=_measure,
    table=_table,
    plots={"latency": _plot},
)
