"""Tests per second with a checker, compared with the same tests without one."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Final

import msgspec

from app.core.job.spec import JobSpec
from bench.judging.judged_jobs import JudgedJobs, create_case, create_checker
from bench.sandbox.under_test import SandboxUnderTest, program
from bench.target import Target

__all__ = ["ROUNDS", "measure_checker"]

ROUNDS: Final = 3
TESTS: Final = 1000
_TEST_BYTES: Final = 1024
_MIN_RATIO: Final = 0.3
_PROGRAM: Final = """
#include <iostream>
#include <string>

int main()
{
    for (std::string line; std::getline(std::cin, line);)
        std::cout << line << '\\n';
}
"""
_CHECKER: Final = """
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>

int main(int, char **arguments)
{
    std::ifstream answer(arguments[2]);
    std::istreambuf_iterator<char> end;
    std::string expected(std::istreambuf_iterator<char>(answer), end);
    std::string actual(std::istreambuf_iterator<char>(std::cin), end);
    return expected == actual ? 42 : 43;
}
"""


def measure_checker(sandbox: SandboxUnderTest, advance: Callable[[], None]) -> list[Target]:
    """Measure both sides alternately; return the ratio of the medians.

    Raises:
        PyxecError: A test was not accepted.
    """
    jobs = JudgedJobs(sandbox)
    plain = program("cpp", _PROGRAM)
    checked = msgspec.structs.replace(plain, checker=create_checker("cpp", _CHECKER))
    _run_tests(jobs, plain, 1)
    _run_tests(jobs, checked, 1)
    rates: dict[str, list[float]] = {"without": [], "with": []}
    for _ in range(ROUNDS):
        for name, spec in (("without", plain), ("with", checked)):
            rates[name].append(_run_tests(jobs, spec, TESTS))
        advance()
    medians = {name: round(statistics.median(values), 1) for name, values in rates.items()}
    details = {f"tests_per_second_{name}": rate for name, rate in medians.items()}
    return [
        Target(
            title=f"{TESTS} tests of 1 kB with a checker in C++: tests/s relative to the same tests without a checker",
            bound=_MIN_RATIO,
            at_most=False,
            measured=medians["with"] / medians["without"],
            details=details,
        )
    ]


def _run_tests(jobs: JudgedJobs, spec: JobSpec, count: int) -> float:
    """Run tests in one job; return tests per second."""
    text = (b"x" * 63 + b"\n") * (_TEST_BYTES // 64)
    started = time.perf_counter()
    jobs.run(spec, [create_case(n, text, text, spec) for n in range(count)])
    return count / (time.perf_counter() - started)
