"""Jobs a second when there is always another one: the sandbox beside a bare loop over the engine's API.

The bare loop makes the same containers (the same template, with the program in place of the runner) through the same
client, and does nothing else: create, attach, start, read, wait, remove. Both have no network.
"""

from __future__ import annotations

import os
import statistics
import threading
import time
from collections.abc import Callable
from typing import Any, Final

from app.config import OPTIONS
from app.core.errors import PyxecError
from app.sandbox.engine import Engine
from app.sandbox.images import installed_images
from app.sandbox.template import LABEL, ContainerNumbers, creation_body
from bench.sandbox_target import Target
from bench.sandbox_under_test import NullSink, SandboxUnderTest, program

__all__ = ["CONCURRENCIES", "STEPS", "bare_loop", "jobs_per_second", "measure_rate", "sandbox_loop"]

CONCURRENCIES: Final = (1, 2, 4, 8)
_ROUNDS: Final = 5
STEPS: Final = 2 * len(CONCURRENCIES) + 2 * _ROUNDS
_TRIAL_SECONDS: Final = 2.5
_ROUND_SECONDS: Final = 4.0
_RAMP_SECONDS: Final = 1.0
_PROGRAM: Final = "print(6 * 7)"
_PRINTED: Final = b"42\n"
RUNTIME: Final = os.environ.get(OPTIONS["container_runtime"].variable, "")
_HEADER_BYTES: Final = 8

Job = Callable[[], None]


def measure_rate(sandbox: SandboxUnderTest, advance: Callable[[], None]) -> list[Target]:
    """Each at the concurrency at which it is fastest, in turns.

    Raises:
        PyxecError: a job failed.
    """
    loops = {"sandbox": sandbox_loop(sandbox), "bare loop": bare_loop(sandbox.engine, sandbox.namespace)}
    trials = {name: _trials(loop, advance) for name, loop in loops.items()}
    best = {name: max(CONCURRENCIES, key=lambda count: rates[count]) for name, rates in trials.items()}
    rates: dict[str, list[float]] = {name: [] for name in loops}
    for index in range(_ROUNDS):
        for name in sorted(loops, reverse=bool(index % 2)):
            rates[name].append(jobs_per_second(loops[name], best[name], _ROUND_SECONDS))
            advance()
    medians = {name: statistics.median(values) for name, values in rates.items()}
    details = {"jobs_per_second": medians, "concurrency": best, "rounds": rates, "trials": trials}
    ratio = medians["sandbox"] / medians["bare loop"]
    return [Target("sustained jobs a second: sandbox / bare loop over the API", 0.95, False, ratio, details=details)]


def _trials(loop: Job, advance: Callable[[], None]) -> dict[int, float]:
    rates = {}
    for count in CONCURRENCIES:
        rates[count] = jobs_per_second(loop, count, _TRIAL_SECONDS)
        advance()
    return rates


def jobs_per_second(job: Job, concurrency: int, seconds: float) -> float:
    """How many jobs ended in each second of the window, after a second in which the threads get going.

    Raises:
        PyxecError: a job failed.
    """
    ended: list[float] = []
    failures: list[BaseException] = []
    began = time.monotonic()
    until = began + _RAMP_SECONDS + seconds

    def work() -> None:
        try:
            while time.monotonic() < until and not failures:
                job()
                ended.append(time.monotonic())
        except Exception as e:  # noqa: BLE001 - told by the thread that waits
            failures.append(e)

    threads = [threading.Thread(target=work) for _ in range(concurrency)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise PyxecError(f"a job of the benchmark failed: {failures[0]}") from failures[0]
    return sum(1 for at in ended if began + _RAMP_SECONDS <= at < until) / seconds


def sandbox_loop(sandbox: SandboxUnderTest) -> Job:
    """One job through the port."""
    spec = program("python", _PROGRAM)

    def run() -> None:
        sink = NullSink()
        sandbox.run(spec, sink)
        if sink.written_bytes != len(_PRINTED):
            raise PyxecError(f"the sandbox printed {sink.written_bytes} bytes, not {_PRINTED!r}")

    return run


def bare_loop(engine: Engine, namespace: str) -> Job:
    """One container through the engine's API."""
    body = _body(engine, namespace)

    def run() -> None:
        container_id = engine.create(body)
        with engine.attach(container_id) as connection:
            connection.settimeout(60)
            engine.start(container_id)
            said = b"".join(iter(lambda: connection.recv(65536), b""))
        if said[_HEADER_BYTES:] != _PRINTED:
            raise PyxecError(f"the bare container printed {said!r}")
        engine.api.wait(container_id)
        engine.remove(container_id)

    return run


def _body(engine: Engine, namespace: str) -> dict[str, Any]:
    image = installed_images(engine.api)["python"].image_id
    numbers = ContainerNumbers.of(program("python", "").limits, 1.0)
    body = creation_body(image, numbers, {LABEL: namespace}, RUNTIME, 21_000)
    body["HostConfig"]["AutoRemove"] = False
    stdin = {"OpenStdin": False, "StdinOnce": False, "AttachStdin": False}
    return {**body, **stdin, "Entrypoint": ["python3"], "Cmd": ["-c", _PROGRAM]}
