"""Jobs per second under constant load: the sandbox, against a loop over the Docker Engine API.

The loop creates the same containers (the same template, with the program instead of the runner) through the same
client, and does nothing else: create, attach, start, read, wait, remove.
"""

from __future__ import annotations

import os
import statistics
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from app.core.errors import PyxecError
from app.sandbox.engine.client import Engine
from app.sandbox.engine.http import EngineHttpClient
from app.sandbox.images.installed import installed_images
from app.sandbox.resources import ContainerResources
from app.sandbox.template import LABEL, creation_body
from bench.sandbox.under_test import IMAGE_DIGESTS, NullSink, SandboxUnderTest, docker_host, program
from bench.target import Target

__all__ = [
    "CONCURRENCIES",
    "Comparison",
    "bare_loop",
    "compare",
    "jobs_per_second",
    "measure_rate",
    "sandbox_loop",
    "steps",
]

CONCURRENCIES: Final = (2, 4, 8)
# A single short measurement is not reliable: the best concurrency is determined by the median of several.
_TRIALS: Final = 3
_ROUNDS: Final = 6
_TRIAL_SECONDS: Final = 1.5
_ROUND_SECONDS: Final = 3.5
_RAMP_SECONDS: Final = 1.0
# After each measurement, the pool refills and the engine removes containers. This must not affect the next one.
_PAUSE_SECONDS: Final = 0.7
_MIN_JOBS: Final = 3
_PROGRAM: Final = "print(6 * 7)"
_OUTPUT: Final = b"42\n"
RUNTIME: Final = os.environ.get("PYXEC_CONTAINER_RUNTIME", "")
_HEADER_BYTES: Final = 8
_ENGINE_SECONDS: Final = 60.0

Job = Callable[[], object]


def measure_rate(sandbox: SandboxUnderTest, advance: Callable[[], None]) -> list[Target]:
    """Measure both loops alternately, each at its best concurrency; return the median of the ratios.

    Raises:
        PyxecError: A job failed.
    """
    loops = {"sandbox": sandbox_loop(sandbox), "bare loop": bare_loop(sandbox.engine, sandbox.namespace)}
    comparison = compare(loops, advance)
    title = "sustained jobs per second: sandbox / loop over the Docker API"
    return [Target(title, 0.95, False, comparison.ratio("sandbox", "bare loop"), details=comparison.details())]


@dataclass(frozen=True)
class Comparison:
    """Rates of several loops that were measured alternately.

    Attributes:
        concurrency: The concurrency at which each loop was fastest in the trials.
        rounds: Jobs per second of each loop in each round.
        trials: Median of the jobs per second in the trials, by loop and concurrency.
    """

    concurrency: dict[str, int]
    rounds: list[dict[str, float]]
    trials: dict[str, dict[int, float]]

    def ratios(self, name: str, reference: str) -> list[float]:
        """Return the rate of a loop divided by that of another one, for each round in which the other one ran jobs."""
        return [rates[name] / rates[reference] for rates in self.rounds if rates[reference]]

    def ratio(self, name: str, reference: str) -> float:
        """Return the median of the ratios.

        Raises:
            PyxecError: The reference ran no job in any round.
        """
        ratios = self.ratios(name, reference)
        if not ratios:
            raise PyxecError(f"{reference}: no job ended in time; the machine is too busy")
        return statistics.median(ratios)

    def details(self) -> dict[str, Any]:
        """Return all values and the medians of the rates, as JSON."""
        medians = {name: statistics.median(rates[name] for rates in self.rounds) for name in self.concurrency}
        return {"jobs_per_second": medians, **asdict(self)}


def steps(loops: int) -> int:
    """Return how often ``compare`` calls ``advance`` for a number of loops."""
    return loops * (len(CONCURRENCIES) * _TRIALS + _ROUNDS)


def compare(loops: Mapping[str, Job], advance: Callable[[], None]) -> Comparison:
    """Compare loops, in another order in each round.

    Args:
        advance: Called after each measurement, see ``steps``.

    Raises:
        PyxecError: A job failed.
    """
    trials = _run_trials(loops, advance)
    best = {name: max(CONCURRENCIES, key=medians.__getitem__) for name, medians in trials.items()}
    rounds: list[dict[str, float]] = []
    names = list(loops)
    for _ in range(_ROUNDS):
        rounds.append({name: _measure_loop(loops[name], best[name], _ROUND_SECONDS, advance) for name in names})
        names = [*names[1:], names[0]]
    return Comparison(best, rounds, trials)


def _run_trials(loops: Mapping[str, Job], advance: Callable[[], None]) -> dict[str, dict[int, float]]:
    """Return the median rate of each loop at each concurrency."""
    rates: dict[str, dict[int, list[float]]] = {name: {count: [] for count in CONCURRENCIES} for name in loops}
    for _ in range(_TRIALS):
        for count in CONCURRENCIES:
            for name, loop in loops.items():
                rates[name][count].append(_measure_loop(loop, count, _TRIAL_SECONDS, advance))
    return {
        name: {count: statistics.median(pieces) for count, pieces in by_count.items()}
        for name, by_count in rates.items()
    }


def _measure_loop(loop: Job, concurrency: int, seconds: float, advance: Callable[[], None]) -> float:
    rate = jobs_per_second(loop, concurrency, seconds)
    time.sleep(_PAUSE_SECONDS)
    advance()
    return rate


def jobs_per_second(job: Job, concurrency: int, seconds: float) -> float:
    """Run a job in several threads; return the rate at which the jobs end.

    The first second is not counted: during it, the threads start and use up the idle containers. The time is measured
    from the first end to the last.

    Raises:
        PyxecError: A job failed.
    """
    end_times: list[float] = []
    failures: list[BaseException] = []
    started_at = time.monotonic()
    until = started_at + _RAMP_SECONDS + seconds

    def work() -> None:
        try:
            while time.monotonic() < until and not failures:
                job()
                end_times.append(time.monotonic())
        except Exception as e:  # noqa: BLE001 - raised again by the calling thread
            failures.append(e)

    threads = [threading.Thread(target=work) for _ in range(concurrency)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise PyxecError(f"a job of the benchmark failed: {failures[0]}") from failures[0]
    counted = sorted(at for at in end_times if started_at + _RAMP_SECONDS <= at < until)
    if len(counted) < _MIN_JOBS:
        return len(counted) / seconds
    return (len(counted) - 1) / (counted[-1] - counted[0])


def sandbox_loop(sandbox: SandboxUnderTest) -> Job:
    """Return a function that runs one job in the sandbox."""
    spec = program("python", _PROGRAM)

    def run() -> None:
        sink = NullSink()
        sandbox.run(spec, sink)
        if sink.written_bytes != len(_OUTPUT):
            raise PyxecError(f"the sandbox printed {sink.written_bytes} bytes, not {_OUTPUT!r}")

    return run


def bare_loop(engine: Engine, namespace: str, host: str | None = None) -> Job:
    """Return a function that runs one container through the Docker Engine API.

    Args:
        host: Address of the engine. None for that of the worker.
    """
    body, http = _creation_body(engine, namespace), EngineHttpClient(host or docker_host(), _ENGINE_SECONDS)

    def run() -> None:
        container_id = engine.create_container(body)
        with engine.attach(container_id) as connection:
            connection.settimeout(_ENGINE_SECONDS)
            engine.start_container(container_id)
            output = b"".join(iter(lambda: connection.recv(65536), b""))
        if output[_HEADER_BYTES:] != _OUTPUT:
            raise PyxecError(f"the bare container printed {output!r}")
        http.request("POST", f"/containers/{container_id}/wait")
        engine.remove_container(container_id)

    return run


def _creation_body(engine: Engine, namespace: str) -> dict[str, Any]:
    image = installed_images(engine.docker_client, IMAGE_DIGESTS.read(engine.docker_client))["python"].image_id
    resources = ContainerResources.from_limits(program("python", "").limits, 1.0)
    body = creation_body(image, resources, {LABEL: namespace}, RUNTIME, 21_000)
    body["HostConfig"]["AutoRemove"] = False
    stdin = {"OpenStdin": False, "StdinOnce": False, "AttachStdin": False}
    return {**body, **stdin, "Entrypoint": ["python3"], "Cmd": ["-c", _PROGRAM]}
