"""A C++ program with 50 tests: the whole job, against one compilation and 50 runs without a sandbox.

The run without a sandbox uses the same compiler command in the same image, because only the image contains the
precompiled headers. A shell in a container without limits compiles, runs and measures the time. The start of that
container does not count.
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

from app.core.errors import PyxecError
from app.core.execution.job_judge import JobJudge
from app.core.job.events import Output, Stream
from app.core.job.spec import JobSpec
from app.core.judging.cases import CaseSpec
from app.core.outcomes import PhaseReport
from app.sandbox.resources import default_resources
from bench.sandbox.under_test import LANGUAGES, NullSink, SandboxUnderTest, program
from bench.target import Target

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
# Prints the output of the last run, then the total time in nanoseconds.
_BARE_SCRIPT: Final = """
set -eu
cd /work
cat > main.cpp
for n in $(seq {tests}); do echo "$n" > "$n.in"; done
start=$(date +%s%N)
{compile}
for n in $(seq {tests}); do {run} < "$n.in" > "$n.out"; done
end=$(date +%s%N)
cat {tests}.out
echo $((end - start))
"""
_EXPECTED_OUTPUT: Final = sum(n * n for n in range(1, _TESTS + 1))


class _CheckingSink(NullSink):
    """Compares the output of the tests, as the worker does."""

    def __init__(self, spec: JobSpec) -> None:
        super().__init__()
        self.judge = JobJudge(spec.tests)
        self._stdout = bytearray()

    def phase(self, name: str, test: str | None = None) -> None:
        """Start a test."""
        self._stdout = bytearray()

    def output(self, chunks: Sequence[Output]) -> None:
        """Collect output of the current test."""
        super().output(chunks)
        for chunk in chunks:
            if chunk.stream is Stream.STDOUT:
                self._stdout += chunk.data

    def end_phase(self, report: PhaseReport) -> None:
        """Judge the test that has ended."""
        if report.test is not msgspec.UNSET:
            self.judge.end_test(report, self._stdout)


def measure_cases(sandbox: SandboxUnderTest, docker_host: str, advance: Callable[[], None]) -> list[Target]:
    """Measure both sides alternately; return the ratio of the medians.

    Raises:
        PyxecError: A program failed or printed something else.
    """
    if shutil.which("docker") is None:
        return [_target(None, {}, "the docker command is not installed")]
    spec = _spec()
    job_seconds: list[float] = []
    bare_seconds: list[float] = []
    phase_seconds: list[dict[str, float]] = []
    for _ in range(ROUNDS):
        seconds, phases = _measure_job(sandbox, spec)
        job_seconds.append(seconds)
        phase_seconds.append(phases)
        bare_seconds.append(_measure_bare(docker_host))
        advance()
    details = {"sandbox_seconds": job_seconds, "bare_seconds": bare_seconds, "phase_seconds": phase_seconds}
    return [_target(statistics.median(job_seconds) / statistics.median(bare_seconds), details)]


def _target(measured: float | None, details: dict[str, Any], reason: str = "") -> Target:
    title = "C++ with 50 tests: sandbox / one compilation and 50 runs without a sandbox"
    return Target(title, _BOUND, True, measured, reason=reason, details=details)


def _spec() -> JobSpec:
    base = program("cpp", _PROGRAM, cpu_seconds=10, wall_seconds=10, output_bytes=4096)
    return msgspec.structs.replace(base, tests=tuple(_case(n, base) for n in range(1, _TESTS + 1)))


def _case(count: int, base: JobSpec) -> CaseSpec:
    expected = sum(n * n for n in range(1, count + 1))
    stdin, expected_output = f"{count}\n".encode(), str(expected).encode()
    return CaseSpec(name=str(count), stdin=stdin, args=(), expected_output=expected_output, limits=base.limits)


def _measure_job(sandbox: SandboxUnderTest, spec: JobSpec) -> tuple[float, dict[str, float]]:
    """Return the seconds of the whole job, and the reported seconds of the compile phase and the tests."""
    sink = _CheckingSink(spec)
    started_at = time.perf_counter()
    report = sandbox.run(spec, sink)
    passed = [case.name for case in sink.judge.create_reports(report.phases) if case.passed]
    seconds = time.perf_counter() - started_at
    if len(passed) != _TESTS:
        raise PyxecError(f"{len(passed)} of {_TESTS} tests passed")
    compiling, *tests = report.phases
    return seconds, {"compile": compiling.wall_seconds, "tests": sum(test.wall_seconds for test in tests)}


def _measure_bare(docker_host: str) -> float:
    memory_bytes = default_resources(LANGUAGES["cpp"], 1.0).memory_bytes
    compiler = LANGUAGES["cpp"].command("compile", "main.cpp", ["main.cpp"], memory_bytes)
    run = LANGUAGES["cpp"].command("run", "main.cpp", ["main.cpp"], memory_bytes)
    script = _BARE_SCRIPT.format(tests=_TESTS, compile=shlex.join(compiler), run=shlex.join(run))
    options = ("--rm", "--interactive", "--network=none", "--tmpfs=/work:exec,mode=1777", "--entrypoint=bash")
    command = ["docker", "--host", docker_host, "run", *options, _IMAGE, "-c", script]
    result = subprocess.run(command, input=_PROGRAM, capture_output=True, text=True)
    output, _, nanoseconds = result.stdout.strip().partition("\n")
    if result.returncode != 0 or output != str(_EXPECTED_OUTPUT):
        raise PyxecError(f"the bare program printed {result.stdout!r}: {result.stderr.strip()[-300:]}")
    return int(nanoseconds) / 1e9
