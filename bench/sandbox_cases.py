"""A C++ program with fifty tests: the whole job, beside compiling once and running fifty times without a sandbox.

Bare is the same compiler with the same command in the same image, since only there are the headers precompiled: in a
container with none of our limits a shell compiles and runs, and takes the time itself. How long that container takes to
start is not part of it, nor is anything that a sandbox does: watch, limit, compare, clean up between two tests.
"""

from __future__ import annotations

import shlex
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from app.core.cases import CaseSpec
from app.core.errors import PyxecError
from app.core.events import Output
from app.core.judging import CaseChecker
from app.core.spec import JobSpec
from bench.sandbox_target import Target
from bench.sandbox_under_test import LANGUAGES, NullSink, SandboxUnderTest, program

__all__ = ["ROUNDS", "measure_cases"]

ROUNDS: Final = 7
_TESTS: Final = 50
_BOUND: Final = 1.3
_IMAGE: Final = "pyxec/cpp:latest"
_PROGRAM: Final = """
#include <bits/stdc++.h>

int main() {
    long count, sum = 0;
    std::cin >> count;
    std::map<std::string, long> squares;
    for (long n = 1; n <= count; ++n)
        squares[std::to_string(n)] = n * n;
    for (const auto &[name, square] : squares)
        sum += square;
    std::cout << sum << '\\n';
}
"""
# Prints what the last run printed, then the nanoseconds that all took.
_BARE: Final = """
set -eu
cd /work
cat > main.cpp
for n in $(seq {tests}); do echo "$n" > "$n.in"; done
began=$(date +%s%N)
{compile}
for n in $(seq {tests}); do {run} < "$n.in" > "$n.out"; done
ended=$(date +%s%N)
cat {tests}.out
echo $((ended - began))
"""
_ANSWER: Final = sum(n * n for n in range(1, _TESTS + 1))


class _CheckingSink(NullSink):
    """Compares the tests' output, as a worker does."""

    def __init__(self, spec: JobSpec) -> None:
        super().__init__()
        self.checker = CaseChecker(spec.tests)

    def phase(self, name: str, test: str | None = None) -> None:
        """A test begins."""
        self.checker.start_phase(test)

    def output(self, chunks: Sequence[Output]) -> None:
        """Some of what it prints."""
        super().output(chunks)
        self.checker.add_output(chunks)


def measure_cases(sandbox: SandboxUnderTest, docker_host: str, advance: Callable[[], None]) -> list[Target]:
    """The ratio of the two, in turns; medians.

    Raises:
        PyxecError: a program failed, or printed something else.
    """
    if shutil.which("docker") is None:
        return [_target(None, {}, "there is no docker command here")]
    spec = _spec()
    whole: list[float] = []
    bare: list[float] = []
    parts: list[dict[str, float]] = []
    for _ in range(ROUNDS):
        seconds, part = _job(sandbox, spec)
        whole.append(seconds)
        parts.append(part)
        bare.append(_bare_seconds(docker_host))
        advance()
    details = {"sandbox_seconds": whole, "bare_seconds": bare, "in_the_sandbox": parts}
    return [_target(statistics.median(whole) / statistics.median(bare), details)]


def _target(measured: float | None, details: dict[str, Any], why: str = "") -> Target:
    what = "C++ with 50 tests: sandbox / compiling once and running 50 times bare"
    return Target(what, _BOUND, True, measured, why=why, details=details)


def _spec() -> JobSpec:
    plain = program("cpp", _PROGRAM, cpu_seconds=10, wall_seconds=10, output_bytes=4096)
    return msgspec.structs.replace(plain, tests=tuple(_case(n, plain) for n in range(1, _TESTS + 1)))


def _case(count: int, plain: JobSpec) -> CaseSpec:
    expected = sum(n * n for n in range(1, count + 1))
    stdin, answer = f"{count}\n".encode(), str(expected).encode()
    return CaseSpec(name=str(count), stdin=stdin, args=(), expected_output=answer, limits=plain.limits)


def _job(sandbox: SandboxUnderTest, spec: JobSpec) -> tuple[float, dict[str, float]]:
    """The seconds of the whole job, and those that its compiler and its tests say they took."""
    sink = _CheckingSink(spec)
    began = time.perf_counter()
    report = sandbox.run(spec, sink)
    passed = [case.name for case in sink.checker.create_reports(report.phases) if case.passed]
    seconds = time.perf_counter() - began
    if len(passed) != _TESTS:
        raise PyxecError(f"{len(passed)} tests passed, not {_TESTS}")
    compiling, *tests = report.phases
    return seconds, {"compile": compiling.wall_seconds, "tests": sum(test.wall_seconds for test in tests)}


def _bare_seconds(docker_host: str) -> float:
    compiler = LANGUAGES["cpp"].command("compile", "main.cpp", ["main.cpp"])
    started = LANGUAGES["cpp"].command("run", "main.cpp", ["main.cpp"])
    script = _BARE.format(tests=_TESTS, compile=shlex.join(compiler), run=shlex.join(started))
    options = ("--rm", "--interactive", "--network=none", "--tmpfs=/work:exec,mode=1777", "--entrypoint=bash")
    command = ["docker", "--host", docker_host, "run", *options, _IMAGE, "-c", script]
    done = subprocess.run(command, input=_PROGRAM, capture_output=True, text=True)
    answer, _, nanoseconds = done.stdout.strip().partition("\n")
    if done.returncode != 0 or answer != str(_ANSWER):
        raise PyxecError(f"the bare program printed {done.stdout!r}: {done.stderr.strip()[-300:]}")
    return int(nanoseconds) / 1e9
