"""Jobs per second and processor time of a one-line Python job in a cell, in a container of the pool, and elsewhere.

Each round measures all of them at the same concurrency, in another order, and the idle machine. The processor time is
that of the whole machine (proc_stat(5)) without that of the idle machine, because the engine and the kernel work for a
job in processes of their own. It is meaningful only on a machine without other load.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import docker

from app.core.errors import PyxecError
from bench.sandbox.docker_run import docker_run
from bench.sandbox.rate import sandbox_loop
from bench.sandbox.start import IMAGE
from bench.sandbox.under_test import LANGUAGES, docker_host, sandbox_under_test
from bench.target import Target

__all__ = ["STEPS", "measure_isolation"]

_ROUNDS: Final = 5
_CONCURRENCY: Final = 2
_SECONDS: Final = 3.0
# Containers of the measurement before are removed, and the pool refills.
_PAUSE_SECONDS: Final = 1.5
_WARM_UP_JOBS: Final = 20
_CANDIDATES: Final = ("bare", "cell", "pool", "docker run", "bubblewrap", "nsjail")
# How to make the other sandboxes available. nsjail was removed from Debian and Ubuntu.
_INSTALLATION: Final = {"bubblewrap": "install the package bubblewrap", "nsjail": "build nsjail and add it to PATH"}
STEPS: Final = _ROUNDS * len(_CANDIDATES)
_PROGRAM: Final = "print(6 * 7)"
_OUTPUT: Final = b"42\n"
_INTERPRETER: Final = "/usr/bin/python3"
_MS_PER_TICK: Final = 1000 / os.sysconf("SC_CLK_TCK")
# Fields of the first line of /proc/stat: user, nice, system, irq, softirq.
_BUSY_FIELDS: Final = (1, 2, 3, 6, 7)

Job = Callable[[], object]


@dataclass(frozen=True)
class Measurement:
    """One candidate in one round."""

    jobs_per_second: float
    cpu_ms_per_job: float


def measure_isolation(client: docker.APIClient, floor: int, ceiling: int, advance: Callable[[], None]) -> list[Target]:
    """Measure all candidates alternately.

    Raises:
        PyxecError: A job failed.
    """
    with ExitStack() as stack:
        cells = stack.enter_context(sandbox_under_test(floor, ceiling, ["python"], isolation="cell"))
        pool = stack.enter_context(sandbox_under_test(floor, ceiling, ["python"]))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (folder / "main.py").write_text(_PROGRAM)
        _, run = docker_run(client, docker_host())
        jobs: dict[str, Job] = {
            "bare": _command_loop([_INTERPRETER, "main.py"], folder),
            "cell": sandbox_loop(cells),
            "pool": sandbox_loop(pool),
            "docker run": lambda: _check(run(IMAGE, ["python3", "-c", _PROGRAM])),
            **_other_sandboxes(folder),
        }
        for _ in range(_WARM_UP_JOBS):
            jobs["cell"]()
        rounds = [_measure_round(jobs, index, advance) for index in range(_ROUNDS)]
    return _targets(_medians(rounds))


def _measure_round(jobs: Mapping[str, Job], index: int, advance: Callable[[], None]) -> dict[str, Measurement]:
    names = [name for name in _CANDIDATES if name in jobs]
    names = names[index % len(names) :] + names[: index % len(names)]
    idle_ms_per_second = _measure_idle()
    measurements = {}
    for name in names:
        time.sleep(_PAUSE_SECONDS)
        measurements[name] = _measure(jobs[name], idle_ms_per_second)
        advance()
    return measurements


def _measure_idle() -> float:
    """Return the processor time that the machine uses per second without a job, in ms."""
    time.sleep(_PAUSE_SECONDS)
    before, started_at = _busy_ms(), time.monotonic()
    time.sleep(_SECONDS)
    return (_busy_ms() - before) / (time.monotonic() - started_at)


def _measure(job: Job, idle_ms_per_second: float) -> Measurement:
    counts = [0] * _CONCURRENCY
    failures: list[Exception] = []
    before, started_at = _busy_ms(), time.monotonic()

    def work(index: int) -> None:
        try:
            while time.monotonic() - started_at < _SECONDS:
                job()
                counts[index] += 1
        except Exception as e:  # noqa: BLE001 - raised again by the calling thread
            failures.append(e)

    threads = [threading.Thread(target=work, args=(index,)) for index in range(_CONCURRENCY)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise PyxecError(f"a job of the benchmark failed: {failures[0]}") from failures[0]
    seconds = time.monotonic() - started_at
    # Engine and kernel remove what is left of the jobs.
    time.sleep(_PAUSE_SECONDS)
    busy_ms = _busy_ms() - before - idle_ms_per_second * (time.monotonic() - started_at)
    return Measurement(sum(counts) / seconds, busy_ms / sum(counts))


def _busy_ms() -> float:
    with Path("/proc/stat").open() as file:
        fields = file.readline().split()
    return sum(int(fields[index]) for index in _BUSY_FIELDS) * _MS_PER_TICK


def _command_loop(command: list[str], folder: Path) -> Job:
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "LANG": "C.UTF-8", **LANGUAGES["python"].env}
    return lambda: _check(subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=True).stdout)


def _other_sandboxes(folder: Path) -> dict[str, Job]:
    """Return the tools that are installed, with new namespaces of all kinds and the interpreter of this machine."""
    links = [argument for name in ("bin", "lib", "lib64") for argument in ("--symlink", f"usr/{name}", f"/{name}")]
    bubblewrap = [
        *("bwrap", "--unshare-all", "--die-with-parent", "--ro-bind", "/usr", "/usr", *links, "--proc", "/proc"),
        *("--dev", "/dev", "--tmpfs", "/tmp", "--bind", str(folder), "/work", _INTERPRETER, "/work/main.py"),
    ]
    nsjail = ["nsjail", "-Mo", "-q", "--chroot", "/", "-R", str(folder), "--", _INTERPRETER, f"{folder}/main.py"]
    commands = {"bubblewrap": bubblewrap, "nsjail": nsjail}
    return {name: _command_loop(command, folder) for name, command in commands.items() if shutil.which(command[0])}


def _check(output: bytes) -> None:
    if output != _OUTPUT:
        raise PyxecError(f"printed {output!r}, not {_OUTPUT!r}")


def _medians(rounds: list[dict[str, Measurement]]) -> dict[str, Measurement]:
    return {
        name: Measurement(
            statistics.median(measured[name].jobs_per_second for measured in rounds),
            statistics.median(measured[name].cpu_ms_per_job for measured in rounds),
        )
        for name in rounds[0]
    }


def _targets(medians: Mapping[str, Measurement]) -> list[Target]:
    details = {name: measured.__dict__ for name, measured in medians.items()}
    cell, pool, bare = medians["cell"], medians["pool"], medians["bare"]
    return [
        Target(
            f"jobs per second at concurrency {_CONCURRENCY}: cell / container pool",
            7,
            False,
            cell.jobs_per_second / pool.jobs_per_second,
            details=details,
        ),
        Target(
            "processor time of a job: cell / interpreter without a sandbox",
            1.7,
            True,
            cell.cpu_ms_per_job / bare.cpu_ms_per_job,
        ),
        *(_compare_with(name, medians) for name in _INSTALLATION),
        *(
            Target(f"processor time of a job: {name}", 0, False, measured.cpu_ms_per_job, " ms")
            for name, measured in medians.items()
        ),
        *(Target(f"jobs per second: {name}", 0, False, measured.jobs_per_second) for name, measured in medians.items()),
    ]


def _compare_with(name: str, medians: Mapping[str, Measurement]) -> Target:
    other = medians.get(name)
    ratio = None if other is None else medians["cell"].cpu_ms_per_job / other.cpu_ms_per_job
    reason = "" if other is not None else _INSTALLATION[name]
    return Target(f"processor time of a job: cell / {name}", 1, True, ratio, reason=reason)
