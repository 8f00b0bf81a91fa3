"""Time of an exchange between a program and its interactor, compared with a pipe between two local processes."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from app.core.errors import PyxecError
from app.core.limits import LIMITS
from bench.judging.judged_jobs import JudgedJobs, create_case, create_checker
from bench.sandbox.under_test import SandboxUnderTest, program
from bench.target import Target

__all__ = ["ROUNDS", "measure_interactor"]

ROUNDS: Final = 3
EXCHANGES: Final = 10_000
_MAX_MS: Final = 1.0
_MAX_SECONDS: Final = LIMITS["wall_seconds"].maximum
_PROGRAM_SECONDS: Final = _MAX_SECONDS - 10
_PROGRAM: Final = """
import sys

for line in sys.stdin:
    print(int(line) + 1, flush=True)
"""
# Prints the time of the exchanges on stderr, which becomes the message of the checker.
_INTERACTOR: Final = """
import sys, time

count = int(open(sys.argv[1]).read())
started = time.perf_counter()
for number in range(count):
    print(number, flush=True)
    if int(sys.stdin.readline()) != number + 1:
        sys.exit(43)
print(time.perf_counter() - started, file=sys.stderr)
sys.exit(42)
"""


def measure_interactor(sandbox: SandboxUnderTest, advance: Callable[[], None]) -> list[Target]:
    """Measure both sides alternately; return the median time of an exchange through the worker.

    Raises:
        PyxecError: The interactor rejected the program.
    """
    jobs = JudgedJobs(sandbox)
    # The interactor has more time than the program. With less, it reaches its limit while it waits for a slow program,
    # which is a checker_error instead of a time_limit.
    spec = msgspec.structs.replace(
        program("python", _PROGRAM, wall_seconds=_PROGRAM_SECONDS, cpu_seconds=_PROGRAM_SECONDS),
        interactor=create_checker("python", _INTERACTOR, wall_seconds=_MAX_SECONDS, cpu_seconds=_MAX_SECONDS),
    )
    case = create_case(1, str(EXCHANGES).encode(), b"", spec)
    seconds: dict[str, list[float]] = {"sandboxes": [], "pipe": []}
    for _ in range(ROUNDS):
        (test,) = jobs.run(spec, [case]).tests
        seconds["sandboxes"].append(float(test.checker_message or "nan"))
        seconds["pipe"].append(_run_locally())
        advance()
    ms = {name: round(statistics.median(values) / EXCHANGES * 1000, 4) for name, values in seconds.items()}
    return [
        Target(
            title=f"{EXCHANGES} exchanges of one line between program and interactor",
            bound=_MAX_MS,
            at_most=True,
            measured=ms["sandboxes"],
            unit=" ms",
            details={"ms_per_exchange_in_sandboxes": ms["sandboxes"], "ms_per_exchange_with_a_pipe": ms["pipe"]},
        )
    ]


def _run_locally() -> float:
    """Connect two processes of this machine with pipes; return the time of the exchanges."""
    with tempfile.TemporaryDirectory() as folder:
        count = Path(folder) / "input"
        count.write_text(str(EXCHANGES))
        command = [sys.executable, "-u", "-c"]
        side = subprocess.Popen([*command, _PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        interactor = subprocess.run(
            [*command, _INTERACTOR, str(count)],
            stdin=side.stdout,
            stdout=side.stdin,
            stderr=subprocess.PIPE,
            timeout=120,
            check=False,
        )
        for stream in (side.stdin, side.stdout):
            assert stream is not None
            stream.close()
        side.wait(10)
    if interactor.returncode != 42:
        raise PyxecError(f"the local interactor failed: {interactor.stderr.decode()}")
    return float(interactor.stderr)
