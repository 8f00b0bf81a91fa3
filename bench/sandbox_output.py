"""How fast 50 MB of output come out: through the runner, and through ``docker run``. Timed from the first byte to the
last, so that the start of a container is not part of it."""

from __future__ import annotations

import shutil
import statistics
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from app.core.errors import PyxecError
from bench.sandbox_start import IMAGE
from bench.sandbox_target import Target
from bench.sandbox_under_test import NullSink, SandboxUnderTest, program

__all__ = ["ROUNDS", "measure_output"]

ROUNDS: Final = 7
_BYTES: Final = 50_000_000
_PROGRAM: Final = f"import os\nfor _ in range(800): os.write(1, bytes({_BYTES // 800}))"
_READ_BYTES: Final = 1 << 20
_MB: Final = 1_000_000
_MIB: Final = 1024 * 1024
# The engine's default log driver writes all of it to a file as well; without one it is as fast as it gets.
_DOCKER_RUNS: Final = {"docker run": (), "docker run --log-driver none": ("--log-driver", "none")}


def measure_output(sandbox: SandboxUnderTest, docker_host: str, advance: Callable[[], None]) -> list[Target]:
    """The rate beside that of ``docker run``, and how much our process grew meanwhile.

    Raises:
        PyxecError: bytes were missing.
    """
    if shutil.which("docker") is None:
        return [_target(None, {}, "there is no docker command here")]
    rates: dict[str, list[float]] = {"sandbox": [], **{name: [] for name in _DOCKER_RUNS}}
    growth = 0
    for _ in range(ROUNDS):
        rate, grown = _through_the_runner(sandbox)
        rates["sandbox"].append(rate)
        growth = max(growth, grown)
        for name, options in _DOCKER_RUNS.items():
            rates[name].append(_docker_run(docker_host, options))
        advance()
    medians = {name: round(statistics.median(values), 1) for name, values in rates.items()}
    details = {"mb_per_second": medians, "rounds": rates}
    return [
        _target(medians["sandbox"] / medians["docker run"], details),
        Target(
            "the same beside `docker run --log-driver none`",
            0.8,
            False,
            medians["sandbox"] / medians["docker run --log-driver none"],
        ),
        Target("most that our process grew meanwhile", 16, True, growth / _MIB, " MiB"),
    ]


def _target(measured: float | None, details: dict[str, Any], why: str = "") -> Target:
    return Target("50 MB of output, rate: sandbox / docker run", 0.8, False, measured, why=why, details=details)


def _through_the_runner(sandbox: SandboxUnderTest) -> tuple[float, int]:
    """MB a second, and the bytes by which our process grew at most."""
    spec = program("python", _PROGRAM, output_bytes=64 * _MIB, cpu_seconds=60, wall_seconds=60)
    sink = NullSink()
    before = _reset_peak()
    sandbox.run(spec, sink)
    grown = _memory("VmHWM") - before
    if sink.written_bytes != _BYTES:
        raise PyxecError(f"{sink.written_bytes} bytes came out of the sandbox, not {_BYTES}")
    return _BYTES / _MB / (sink.last_at - sink.first_at), grown


def _docker_run(docker_host: str, options: tuple[str, ...]) -> float:
    command = [
        "docker",
        "--host",
        docker_host,
        "run",
        "--rm",
        *options,
        "--entrypoint",
        "python3",
        IMAGE,
        "-c",
        _PROGRAM,
    ]
    written, first_at = 0, 0.0
    with subprocess.Popen(command, stdout=subprocess.PIPE) as run:
        assert run.stdout is not None
        while piece := run.stdout.read1(_READ_BYTES):  # type: ignore[attr-defined]
            last_at = time.perf_counter()
            first_at = first_at or last_at
            written += len(piece)
    if written != _BYTES:
        raise PyxecError(f"{written} bytes came out of docker run, not {_BYTES}")
    return _BYTES / _MB / (last_at - first_at)


def _reset_peak() -> int:
    """Let the kernel's record of the most memory begin anew; return what is used now."""
    Path("/proc/self/clear_refs").write_text("5")
    return _memory("VmRSS")


def _memory(name: str) -> int:
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(lines[name].split()[0]) * 1024
