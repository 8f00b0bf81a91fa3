"""Rate of 50 MB of output: through the runner, and through ``docker run``.

The time is measured from the first byte to the last, so that the start of the container does not count.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from app.core.errors import PyxecError
from bench.sandbox.start import IMAGE
from bench.sandbox.under_test import NullSink, SandboxUnderTest, program
from bench.target import Target

__all__ = ["ROUNDS", "measure_output"]

ROUNDS: Final = 7
_BYTES: Final = 50_000_000
_PROGRAM: Final = f"import os\nfor _ in range(800): os.write(1, bytes({_BYTES // 800}))"
_READ_BYTES: Final = 1 << 20
_MB: Final = 1_000_000
_MIB: Final = 1024 * 1024
# The default log driver of the engine also writes the output to a file. Without it, the rate is the highest possible.
_DOCKER_RUNS: Final = {"docker run": (), "docker run --log-driver none": ("--log-driver", "none")}


def measure_output(sandbox: SandboxUnderTest, docker_host: str, advance: Callable[[], None]) -> list[Target]:
    """Measure the ratio of the rates, and the growth of this process.

    Raises:
        PyxecError: Output is missing.
    """
    if shutil.which("docker") is None:
        return [_target(None, {}, "the docker command is not installed")]
    rates: dict[str, list[float]] = {"sandbox": [], **{name: [] for name in _DOCKER_RUNS}}
    growth = 0
    for _ in range(ROUNDS):
        rate, growth_bytes = _measure_runner(sandbox)
        rates["sandbox"].append(rate)
        growth = max(growth, growth_bytes)
        for name, options in _DOCKER_RUNS.items():
            rates[name].append(_measure_docker_run(docker_host, options))
        advance()
    medians = {name: round(statistics.median(values), 1) for name, values in rates.items()}
    details = {"mb_per_second": medians, "rounds": rates}
    return [
        _target(medians["sandbox"] / medians["docker run"], details),
        Target(
            "50 MB of output, rate: sandbox / docker run --log-driver none",
            0.8,
            False,
            medians["sandbox"] / medians["docker run --log-driver none"],
        ),
        Target("growth of the worker during the output", 16, True, growth / _MIB, " MiB"),
    ]


def _target(measured: float | None, details: dict[str, Any], reason: str = "") -> Target:
    return Target("50 MB of output, rate: sandbox / docker run", 0.8, False, measured, reason=reason, details=details)


def _measure_runner(sandbox: SandboxUnderTest) -> tuple[float, int]:
    """Return MB per second, and the growth of the peak memory of this process in bytes."""
    spec = program("python", _PROGRAM, output_bytes=64 * _MIB, cpu_seconds=60, wall_seconds=60)
    sink = NullSink()
    before = _reset_peak()
    sandbox.run(spec, sink)
    growth_bytes = _read_memory("VmHWM") - before
    if sink.written_bytes != _BYTES:
        raise PyxecError(f"the sandbox wrote {sink.written_bytes} bytes, not {_BYTES}")
    return _BYTES / _MB / (sink.last_at - sink.first_at), growth_bytes


def _measure_docker_run(docker_host: str, options: tuple[str, ...]) -> float:
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
        raise PyxecError(f"docker run wrote {written} bytes, not {_BYTES}")
    return _BYTES / _MB / (last_at - first_at)


def _reset_peak() -> int:
    """Reset the peak memory of this process (proc(5), clear_refs); return the current memory in bytes."""
    Path("/proc/self/clear_refs").write_text("5")
    return _read_memory("VmRSS")


def _read_memory(field: str) -> int:
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(lines[field].split()[0]) * 1024
