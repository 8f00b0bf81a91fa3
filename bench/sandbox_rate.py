"""Jobs a second when there is always another one: the sandbox beside a bare loop over the engine's API.

The bare loop makes the same containers (the same template, with the program in place of the runner) through the same
client, and does nothing else: create, attach, start, read, wait, remove. Both have no network.
"""

from __future__ import annotations

import os
import statistics
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from app.core.errors import PyxecError
from app.sandbox.engine.client import Engine
from app.sandbox.engine.http import EngineHttpClient
from app.sandbox.images.installed import installed_images
from app.sandbox.resources import ContainerResources
from app.sandbox.template import LABEL, creation_body
from bench.sandbox_target import Target
from bench.sandbox_under_test import NullSink, SandboxUnderTest, docker_host, program

__all__ = ["CONCURRENCIES", "STEPS", "bare_loop", "compare", "jobs_per_second", "measure_rate", "sandbox_loop"]

CONCURRENCIES: Final = (2, 4, 8)
# One short piece may be disturbed by anything: which level is the best is said by the median of several, in turns.
_TRIALS: Final = 3
_ROUNDS: Final = 6
STEPS: Final = 2 * (len(CONCURRENCIES) * _TRIALS + _ROUNDS)
_TRIAL_SECONDS: Final = 1.5
_ROUND_SECONDS: Final = 3.5
_RAMP_SECONDS: Final = 1.0
# After each piece the pool refills and the engine removes what is over: that must not fall into the next one's.
_PAUSE_SECONDS: Final = 0.7
_FEWEST_JOBS: Final = 3
_PROGRAM: Final = "print(6 * 7)"
_PRINTED: Final = b"42\n"
RUNTIME: Final = os.environ.get("PYXEC_CONTAINER_RUNTIME", "")
_HEADER_BYTES: Final = 8
_ENGINE_SECONDS: Final = 60.0

Job = Callable[[], object]


def measure_rate(sandbox: SandboxUnderTest, advance: Callable[[], None]) -> list[Target]:
    """Each at the concurrency at which it is fastest, in turns; the ratio is the median of those of the rounds.

    Raises:
        PyxecError: a job failed.
    """
    loops = {"sandbox": sandbox_loop(sandbox), "bare loop": bare_loop(sandbox.engine, sandbox.namespace)}
    ratio, details = compare(loops, advance)
    what = "sustained jobs a second: sandbox / bare loop over the API"
    return [Target(what, 0.95, False, ratio, details=details)]


def compare(loops: Mapping[str, Job], advance: Callable[[], None]) -> tuple[float, dict[str, Any]]:
    """The first loop's rate over the second's, and all that it was made from. Calls ``advance`` STEPS times.

    Raises:
        PyxecError: a job failed.
    """
    trials = _trials(loops, advance)
    best = {name: max(CONCURRENCIES, key=medians.__getitem__) for name, medians in trials.items()}
    rounds: list[dict[str, float]] = []
    for index in range(_ROUNDS):
        names = sorted(loops, reverse=bool(index % 2))
        rounds.append({name: _piece(loops[name], best[name], _ROUND_SECONDS, advance) for name in names})
    first, second = loops
    ratios = [rates[first] / rates[second] for rates in rounds if rates[second]]
    if not ratios:
        raise PyxecError(f"the {second} ended no job: this machine is too busy to measure anything")
    medians = {name: statistics.median(rates[name] for rates in rounds) for name in loops}
    details = {"jobs_per_second": medians, "concurrency": best, "ratios": ratios, "rounds": rounds, "trials": trials}
    return statistics.median(ratios), details


def _trials(loops: Mapping[str, Job], advance: Callable[[], None]) -> dict[str, dict[int, float]]:
    """The median rate of each loop at each concurrency."""
    rates: dict[str, dict[int, list[float]]] = {name: {count: [] for count in CONCURRENCIES} for name in loops}
    for _ in range(_TRIALS):
        for count in CONCURRENCIES:
            for name, loop in loops.items():
                rates[name][count].append(_piece(loop, count, _TRIAL_SECONDS, advance))
    return {
        name: {count: statistics.median(pieces) for count, pieces in by_count.items()}
        for name, by_count in rates.items()
    }


def _piece(loop: Job, concurrency: int, seconds: float, advance: Callable[[], None]) -> float:
    rate = jobs_per_second(loop, concurrency, seconds)
    time.sleep(_PAUSE_SECONDS)
    advance()
    return rate


def jobs_per_second(job: Job, concurrency: int, seconds: float) -> float:
    """How many jobs ended in each second of the window, after a second in which the threads get going and what waited
    in the pool beforehand is used up. Counted from the first end to the last, since a window ends between two.

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
    inside = sorted(at for at in ended if began + _RAMP_SECONDS <= at < until)
    if len(inside) < _FEWEST_JOBS:
        return len(inside) / seconds
    return (len(inside) - 1) / (inside[-1] - inside[0])


def sandbox_loop(sandbox: SandboxUnderTest) -> Job:
    """One job through the port."""
    spec = program("python", _PROGRAM)

    def run() -> None:
        sink = NullSink()
        sandbox.run(spec, sink)
        if sink.written_bytes != len(_PRINTED):
            raise PyxecError(f"the sandbox printed {sink.written_bytes} bytes, not {_PRINTED!r}")

    return run


def bare_loop(engine: Engine, namespace: str, host: str | None = None) -> Job:
    """One container through the engine's API. ``host`` is where that engine is, if it is not the worker's."""
    body, http = _body(engine, namespace), EngineHttpClient(host or docker_host(), _ENGINE_SECONDS)

    def run() -> None:
        container_id = engine.create_container(body)
        with engine.attach(container_id) as connection:
            connection.settimeout(_ENGINE_SECONDS)
            engine.start_container(container_id)
            said = b"".join(iter(lambda: connection.recv(65536), b""))
        if said[_HEADER_BYTES:] != _PRINTED:
            raise PyxecError(f"the bare container printed {said!r}")
        http.request("POST", f"/containers/{container_id}/wait")
        engine.remove_container(container_id)

    return run


def _body(engine: Engine, namespace: str) -> dict[str, Any]:
    image = installed_images(engine.docker_client)["python"].image_id
    numbers = ContainerResources.from_limits(program("python", "").limits, 1.0)
    body = creation_body(image, numbers, {LABEL: namespace}, RUNTIME, 21_000)
    body["HostConfig"]["AutoRemove"] = False
    stdin = {"OpenStdin": False, "StdinOnce": False, "AttachStdin": False}
    return {**body, **stdin, "Entrypoint": ["python3"], "Cmd": ["-c", _PROGRAM]}
