"""The comparison of test outputs while a job runs."""

from __future__ import annotations

import msgspec

from app.core.case_checker import CaseChecker
from app.core.events import Output, Stream
from app.core.judging.cases import CaseSpec
from app.core.limits import LimitOverrides, resolve_limits
from app.core.outcomes import Outcome, PhaseReport, StopReason

LIMITS = resolve_limits(LimitOverrides(), LimitOverrides())
PASSED = PhaseReport(
    name="test", exit_code=0, signal=None, stopped_by=StopReason.NONE, start_error=None, wall_seconds=0.5,
    cpu_seconds=0.25, memory_peak_bytes=4096, oom_kills=0, stdout_bytes=0, stderr_bytes=0, stdout_truncated=False,
    stderr_truncated=False,
)  # fmt: skip
COMPILED = msgspec.structs.replace(PASSED, name="compile")


def case(name: str, expected: bytes | None) -> CaseSpec:
    return CaseSpec(name=name, stdin=b"", args=(), expected_output=expected, limits=LIMITS)


def ended(name: str, **fields: object) -> PhaseReport:
    return msgspec.structs.replace(PASSED, test=name, **fields)


def out(*pieces: bytes) -> list[Output]:
    return [Output(Stream.STDOUT, piece) for piece in pieces]


def test_case_checker_compares_each_test_separately() -> None:
    checker = CaseChecker([case("a", b"1"), case("b", b"2"), case("c", b"3")])

    for name, written in (("a", b"1\n"), ("b", b"1\n"), ("c", b"3")):
        checker.start_phase(name)
        checker.add_output(out(written))

    reports = checker.create_reports([ended("a"), ended("b"), ended("c")])
    assert [(report.name, report.passed) for report in reports] == [("a", True), ("b", False), ("c", True)]


def test_case_checker_accepts_output_in_any_chunks() -> None:
    checker = CaseChecker([case("a", "größe".encode())])
    checker.start_phase("a")
    for byte in "größe".encode():
        checker.add_output(out(bytes([byte])))

    assert checker.create_reports([ended("a")])[0].passed is True


def test_case_checker_ignores_stderr() -> None:
    checker = CaseChecker([case("a", b"1")])
    checker.start_phase("a")
    checker.add_output([Output(Stream.STDERR, b"warning"), *out(b"1"), Output(Stream.STDERR, b"2")])

    assert checker.create_reports([ended("a")])[0].passed is True


def test_case_checker_ignores_compiler_output() -> None:
    checker = CaseChecker([case("a", b"1")])
    checker.start_phase(None)
    checker.add_output(out(b"note: "))
    checker.start_phase("a")
    checker.add_output(out(b"1"))

    (report,) = checker.create_reports([COMPILED, ended("a")])
    assert (report.name, report.passed) == ("a", True)


def test_case_checker_fails_a_test_when_the_program_failed() -> None:
    checker = CaseChecker([case("a", b"1")])
    checker.start_phase("a")
    checker.add_output(out(b"1"))

    (report,) = checker.create_reports([ended("a", exit_code=3)])
    assert (report.passed, report.outcome, report.exit_code) == (False, Outcome.NONZERO_EXIT, 3)


def test_case_checker_reports_none_without_expected_output() -> None:
    checker = CaseChecker([case("a", None)])
    checker.start_phase("a")
    checker.add_output(out(b"anything"))

    (report,) = checker.create_reports([ended("a")])
    assert (report.passed, report.outcome) == (None, Outcome.OK)


def test_case_checker_compares_empty_output() -> None:
    checker = CaseChecker([case("silent", b""), case("loud", b"")])
    checker.start_phase("silent")
    checker.start_phase("loud")
    checker.add_output(out(b"!"))

    assert [report.passed for report in checker.create_reports([ended("silent"), ended("loud")])] == [True, False]


def test_case_checker_reports_only_tests_that_ran() -> None:
    checker = CaseChecker([case("a", b"1"), case("b", b"2")])
    checker.start_phase("a")
    checker.add_output(out(b"1"))

    assert [report.name for report in checker.create_reports([ended("a")])] == ["a"]


def test_case_checker_reports_resource_usage() -> None:
    checker = CaseChecker([case("a", None)])
    checker.start_phase("a")

    (report,) = checker.create_reports([ended("a", signal=11, exit_code=None)])
    assert (report.wall_seconds, report.cpu_seconds, report.memory_peak_bytes) == (0.5, 0.25, 4096)
    assert (report.outcome, report.signal) == (Outcome.SIGNALED, 11)
    assert "SIGSEGV" in report.message


def test_case_checker_reports_tests_that_did_not_run_because_of_a_total_limit() -> None:
    checker = CaseChecker([case("a", b"1"), case("b", b"2"), case("c", None)])
    checker.start_phase("a")
    checker.add_output(out(b"1"))

    reports = checker.create_reports([ended("a")], StopReason.CPU_TIME)

    assert [(report.name, report.passed, report.outcome) for report in reports] == [
        ("a", True, Outcome.OK), ("b", False, Outcome.CPU_TIME_LIMIT), ("c", None, Outcome.CPU_TIME_LIMIT),
    ]  # fmt: skip
    assert reports[1].message == "not run: the job has used its total processor time"
    assert (reports[1].exit_code, reports[1].wall_seconds, reports[1].memory_peak_bytes) == (None, 0, 0)
