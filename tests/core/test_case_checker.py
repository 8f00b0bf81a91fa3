"""What each test writes is compared with what was expected of it, while it is written."""

from __future__ import annotations

import msgspec

from app.core.case_checker import CaseChecker
from app.core.cases import CaseSpec
from app.core.events import Output, Stream
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


def test_each_test_is_told_from_the_others() -> None:
    checker = CaseChecker([case("a", b"1"), case("b", b"2"), case("c", b"3")])

    for name, written in (("a", b"1\n"), ("b", b"1\n"), ("c", b"3")):
        checker.begin(name)
        checker.hear(out(written))

    reports = checker.reports([ended("a"), ended("b"), ended("c")])
    assert [(report.name, report.passed) for report in reports] == [("a", True), ("b", False), ("c", True)]


def test_output_counts_however_it_was_cut() -> None:
    checker = CaseChecker([case("a", "größe".encode())])
    checker.begin("a")
    for byte in "größe".encode():
        checker.hear(out(bytes([byte])))

    assert checker.reports([ended("a")])[0].passed is True


def test_what_goes_to_stderr_does_not_count() -> None:
    checker = CaseChecker([case("a", b"1")])
    checker.begin("a")
    checker.hear([Output(Stream.STDERR, b"warning"), *out(b"1"), Output(Stream.STDERR, b"2")])

    assert checker.reports([ended("a")])[0].passed is True


def test_what_the_compiler_says_is_of_no_test() -> None:
    checker = CaseChecker([case("a", b"1")])
    checker.begin(None)
    checker.hear(out(b"note: "))
    checker.begin("a")
    checker.hear(out(b"1"))

    (report,) = checker.reports([COMPILED, ended("a")])
    assert (report.name, report.passed) == ("a", True)


def test_the_right_answer_of_a_program_that_failed_does_not_pass() -> None:
    checker = CaseChecker([case("a", b"1")])
    checker.begin("a")
    checker.hear(out(b"1"))

    (report,) = checker.reports([ended("a", exit_code=3)])
    assert (report.passed, report.outcome, report.exit_code) == (False, Outcome.NONZERO_EXIT, 3)


def test_without_an_expectation_there_is_nothing_to_pass() -> None:
    checker = CaseChecker([case("a", None)])
    checker.begin("a")
    checker.hear(out(b"anything"))

    (report,) = checker.reports([ended("a")])
    assert (report.passed, report.outcome) == (None, Outcome.OK)


def test_nothing_is_expected_and_nothing_written() -> None:
    checker = CaseChecker([case("silent", b""), case("loud", b"")])
    checker.begin("silent")
    checker.begin("loud")
    checker.hear(out(b"!"))

    assert [report.passed for report in checker.reports([ended("silent"), ended("loud")])] == [True, False]


def test_only_tests_that_began_are_reported() -> None:
    checker = CaseChecker([case("a", b"1"), case("b", b"2")])
    checker.begin("a")
    checker.hear(out(b"1"))

    assert [report.name for report in checker.reports([ended("a")])] == ["a"]


def test_a_report_carries_what_the_phase_used() -> None:
    checker = CaseChecker([case("a", None)])
    checker.begin("a")

    (report,) = checker.reports([ended("a", signal=11, exit_code=None)])
    assert (report.wall_seconds, report.cpu_seconds, report.memory_peak_bytes) == (0.5, 0.25, 4096)
    assert (report.outcome, report.signal) == (Outcome.SIGNALED, 11)
    assert "SIGSEGV" in report.message
