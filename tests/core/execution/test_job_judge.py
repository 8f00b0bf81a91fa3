"""The comparison of test outputs while a job runs."""

from __future__ import annotations

import msgspec

from app.core.execution.checker_job import CheckResult
from app.core.execution.job_judge import JobJudge
from app.core.judging.cases import CaseSpec
from app.core.limits import LimitOverrides, resolve_limits
from app.core.outcomes import Outcome, PhaseReport, StopReason
from app.core.verdicts import Verdict

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


def test_job_judge_compares_each_test_separately() -> None:
    judge = JobJudge([case("a", b"1"), case("b", b"2"), case("c", b"3")])

    for name, written in (("a", b"1\n"), ("b", b"1\n"), ("c", b"3")):
        judge.end_test(ended(name), written)

    reports = judge.create_reports([ended("a"), ended("b"), ended("c")])
    assert [(report.name, report.passed) for report in reports] == [("a", True), ("b", False), ("c", True)]


def test_job_judge_fails_a_test_when_the_program_failed() -> None:
    judge = JobJudge([case("a", b"1")])
    judge.end_test(ended("a", exit_code=3), b"1")

    (report,) = judge.create_reports([ended("a", exit_code=3)])
    assert (report.passed, report.outcome, report.exit_code) == (False, Outcome.NONZERO_EXIT, 3)


def test_job_judge_reports_none_without_expected_output() -> None:
    judge = JobJudge([case("a", None)])
    judge.end_test(ended("a"), b"anything")

    (report,) = judge.create_reports([ended("a")])
    assert (report.passed, report.outcome) == (None, Outcome.OK)


def test_job_judge_compares_empty_output() -> None:
    judge = JobJudge([case("silent", b""), case("loud", b"")])
    judge.end_test(ended("silent"), b"")
    judge.end_test(ended("loud"), b"!")

    assert [report.passed for report in judge.create_reports([ended("silent"), ended("loud")])] == [True, False]


def test_job_judge_reports_only_tests_that_ran() -> None:
    judge = JobJudge([case("a", b"1"), case("b", b"2")])
    judge.end_test(ended("a"), b"1")

    assert [report.name for report in judge.create_reports([ended("a")])] == ["a"]


def test_job_judge_reports_resource_usage() -> None:
    judge = JobJudge([case("a", None)])

    (report,) = judge.create_reports([ended("a", signal=11, exit_code=None)])
    assert (report.wall_seconds, report.cpu_seconds, report.memory_peak_bytes) == (0.5, 0.25, 4096)
    assert (report.outcome, report.signal) == (Outcome.SIGNALED, 11)
    assert "SIGSEGV" in report.message


def test_job_judge_reports_tests_that_did_not_run_because_of_a_total_limit() -> None:
    judge = JobJudge([case("a", b"1"), case("b", b"2"), case("c", None)])
    judge.end_test(ended("a"), b"1")

    reports = judge.create_reports([ended("a")], StopReason.CPU_TIME)

    assert [(report.name, report.passed, report.outcome) for report in reports] == [
        ("a", True, Outcome.OK), ("b", False, Outcome.CPU_TIME_LIMIT), ("c", None, Outcome.CPU_TIME_LIMIT),
    ]  # fmt: skip
    assert reports[1].message == "not run: the job has used its total processor time"
    assert (reports[1].exit_code, reports[1].wall_seconds, reports[1].memory_peak_bytes) == (None, 0, 0)


def test_job_judge_stops_the_job_at_the_first_failure() -> None:
    judge = JobJudge([case("a", b"1"), case("b", b"1"), case("c", b"1")], stop_on_first_failure=True)
    stopped = []
    for name, written in (("a", b"1"), ("b", b"2")):
        judge.end_test(ended(name), written)
        stopped.append(judge.is_stopped)

    reports = judge.create_reports([ended("a"), ended("b")])
    assert stopped == [False, True]
    assert [(report.verdict, report.passed, report.outcome) for report in reports] == [
        (Verdict.ACCEPTED, True, Outcome.OK), (Verdict.WRONG_ANSWER, False, Outcome.OK), (None, None, None),
    ]  # fmt: skip
    assert reports[2].message == "not run: test b failed"
    assert judge.judge(Outcome.OK, reports) is Verdict.WRONG_ANSWER


def test_job_judge_stops_only_if_requested() -> None:
    judge = JobJudge([case("a", b"1"), case("b", b"1")])
    judge.end_test(ended("a"), b"")

    assert not judge.is_stopped


def test_job_judge_does_not_stop_at_a_test_without_expected_output() -> None:
    judge = JobJudge([case("a", None), case("b", None)], stop_on_first_failure=True)
    judge.end_test(ended("a"), b"")
    assert not judge.is_stopped

    judge.end_test(ended("b", exit_code=1), b"")
    assert judge.is_stopped


def check(verdict: Verdict, score: float | None = None) -> CheckResult:
    return CheckResult(verdict=verdict, message="why", score=score)


def test_job_judge_needs_the_checker_if_the_program_succeeded() -> None:
    judge = JobJudge([case("a", None), case("b", b"1")], has_checker=True)

    assert judge.end_test(ended("a"), b"12")
    assert not judge.end_test(ended("b", exit_code=1), b"1")


def test_job_judge_discards_results_after_the_first_failure_when_tests_end_in_another_order() -> None:
    judge = JobJudge([case(name, b"1") for name in "abcd"], stop_on_first_failure=True)
    judge.end_test(ended("d"), b"1")
    judge.end_test(ended("c"), b"2")
    assert (judge.may_start("a"), judge.may_start("b"), judge.may_start("d")) == (True, True, False)
    judge.end_test(ended("b"), b"2")
    judge.end_test(ended("a"), b"1")

    reports = judge.create_reports([ended(name) for name in "abcd"])
    assert [(report.verdict, report.message) for report in reports] == [
        (Verdict.ACCEPTED, "exited normally"),
        (Verdict.WRONG_ANSWER, "exited normally"),
        (None, "not run: test b failed"),
        (None, "not run: test b failed"),
    ]


def test_job_judge_reports_the_result_of_the_checker() -> None:
    verdicts = {
        "a": check(Verdict.ACCEPTED), "b": check(Verdict.WRONG_ANSWER), "c": check(Verdict.PARTIALLY_ACCEPTED, 0.5),
        "d": check(Verdict.CHECKER_ERROR),
    }  # fmt: skip
    judge = JobJudge([case(name, b"") for name in (*verdicts, "e", "f")], has_checker=True)
    for name, result in verdicts.items():
        judge.record_check(name, result)

    reports = judge.create_reports([*(ended(name) for name in (*verdicts, "e")), ended("f", exit_code=2)])

    assert [(report.passed, report.verdict, report.score, report.checker_message) for report in reports] == [
        (True, Verdict.ACCEPTED, 1.0, "why"),
        (False, Verdict.WRONG_ANSWER, 0.0, "why"),
        (False, Verdict.PARTIALLY_ACCEPTED, 0.5, "why"),
        (False, Verdict.CHECKER_ERROR, None, "why"),
        (None, None, None, None),
        (False, Verdict.RUNTIME_ERROR, 0.0, None),
    ]
    assert not judge.is_complete(reports)
    assert judge.judge(Outcome.OK, reports) is Verdict.WRONG_ANSWER


def test_job_judge_stops_when_the_checker_fails() -> None:
    judge = JobJudge([case("a", None), case("b", None)], has_checker=True)
    judge.record_check("a", check(Verdict.CHECKER_ERROR))
    assert not judge.is_stopped
    judge.fail_checker("not compiled\nmain.c:1: error")

    reports = judge.create_reports([ended("a")])
    assert judge.is_stopped
    assert (reports[1].message, reports[1].verdict) == ("not run: not compiled", None)
    assert judge.judge(Outcome.OK, reports) is Verdict.CHECKER_ERROR
