"""The judgement of the tests of a job while it runs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence

from app.core.execution.checker_job import CheckResult
from app.core.files import Content
from app.core.job.results import CaseReport
from app.core.judging.cases import CaseSpec
from app.core.judging.comparison import outputs_match
from app.core.judging.groups import GroupReport, TestGroup, score_groups
from app.core.judging.phase_outcomes import EXHAUSTED, judge_phase
from app.core.outcomes import Outcome, PhaseReport, StopReason
from app.core.verdicts import Verdict, judge_job, judge_test

__all__ = ["JobJudge"]


class JobJudge:
    """Judges each test while the job runs, by its expected output or by a checker. Tests may run at the same time.

    Args:
        cases: The tests of the job.
        stop_on_first_failure: Whether no test runs after one whose verdict is not accepted. The results of later ones
            that have run at the same time are discarded.
        has_checker: Whether a checker judges the output. Its results come from outside.
        read_content: Returns the bytes of an expected output. Not needed if no test has a file by reference.

    Attributes:
        checker_failure: Why the checker cannot run any more, None if it can.
    """

    def __init__(
        self,
        cases: Sequence[CaseSpec],
        *,
        stop_on_first_failure: bool = False,
        has_checker: bool = False,
        read_content: Callable[[Content], bytes] | None = None,
    ) -> None:
        self.checker_failure: str | None = None
        self._cases = {case.name: case for case in cases}
        self._stop_on_first_failure = stop_on_first_failure
        self._has_checker = has_checker
        self._read_content = read_content
        self._matching: set[str] = set()
        self._checks: dict[str, CheckResult] = {}
        self._order = {case.name: index for index, case in enumerate(cases)}
        self._failed_test: str | None = None
        self._lock = threading.Lock()

    @property
    def is_stopped(self) -> bool:
        """Whether the checker cannot run any more, or a test has failed after which no other one runs."""
        return self.checker_failure is not None or self._failed_test is not None

    def may_start(self, test: str) -> bool:
        """Return whether a test may start, or continue, with what is known so far."""
        return self.checker_failure is None and not self._is_after_failure(test)

    def may_report(self, test: str) -> bool:
        """Return whether the result contains a test that has run, with what is known so far."""
        return not self._is_after_failure(test)

    def needs_output(self, test: str) -> bool:
        """Return whether the output of a test is compared or checked."""
        return self._is_judged(test)

    def end_test(self, report: PhaseReport, output: bytes | bytearray) -> bool:
        """Judge a test that has ended.

        Args:
            report: The report of its phase.
            output: What it wrote to standard output.

        Returns:
            Whether the checker has to judge the output.
        """
        assert isinstance(report.test, str)
        case = self._cases[report.test]
        is_matching = (
            not self._has_checker
            and case.expected_output is not None
            and outputs_match(self._read_expected(case.expected_output), output, case.comparison)
        )
        with self._lock:
            if is_matching:
                self._matching.add(case.name)
            judged = self._create_report(report, case.name)
            if self._has_checker and judged.outcome is Outcome.OK:
                return True
            self._stop_at_failure(case.name, judged.verdict)
            return False

    def record_check(self, test: str, result: CheckResult) -> None:
        """Record the result of the checker for a test."""
        with self._lock:
            self._checks[test] = result
            self._stop_at_failure(test, result.verdict)

    def fail_checker(self, reason: str) -> None:
        """Stop the job because its checker cannot run any more. The tests that do not run report the first line."""
        self.checker_failure = reason

    def create_reports(
        self, phases: Iterable[PhaseReport], exhausted: StopReason = StopReason.NONE
    ) -> tuple[CaseReport, ...]:
        """Return a report for each test that ran. Call it after the last phase has ended.

        Args:
            phases: The phases that ran.
            exhausted: The total limit that was reached before all tests had run.

        Returns:
            The reports in the order of the tests. If a total limit was reached or the job was stopped, they include
            those of the tests that did not run.
        """
        tests = [(phase, phase.test) for phase in phases if isinstance(phase.test, str)]
        reports = [self._create_report(phase, name) for phase, name in tests if not self._is_after_failure(name)]
        ran = {report.name for report in reports}
        not_run = [name for name in self._cases if name not in ran]
        if exhausted is not StopReason.NONE:
            outcome, reason = EXHAUSTED[exhausted]
            reports += [self._report_not_run(name, outcome, reason) for name in not_run]
        elif (message := self._describe_stop()) is not None:
            reports += [self._report_not_run(name, None, message) for name in not_run]
        return tuple(reports)

    def judge(self, outcome: Outcome, reports: Sequence[CaseReport]) -> Verdict | None:
        """Return the verdict of the job; None if no test has an expected output and there is no checker.

        Args:
            outcome: How the job ended.
            reports: The reports of `create_reports`.
        """
        if self.checker_failure is not None:
            return Verdict.CHECKER_ERROR
        if not any(self._is_judged(name) for name in self._cases):
            return None
        return judge_job(outcome, [report.verdict for report in reports])

    def score(self, groups: Sequence[TestGroup], reports: Sequence[CaseReport]) -> tuple[GroupReport, ...]:
        """Return the scores of groups. A test that did not run has the score 0."""
        return score_groups(groups, {report.name: report.score for report in reports if report.outcome is not None})

    def is_complete(self, reports: Sequence[CaseReport]) -> bool:
        """Return whether all tests have run and the checker has judged each of them that needs it."""
        unchecked = [report for report in reports if report.verdict is None and report.outcome is Outcome.OK]
        return len(reports) == len(self._cases) and not (self._has_checker and unchecked)

    def _is_judged(self, name: str | None) -> bool:
        case = None if name is None else self._cases.get(name)
        return case is not None and (self._has_checker or case.expected_output is not None)

    def _stop_at_failure(self, test: str, verdict: Verdict | None) -> None:
        is_failure = verdict not in (None, Verdict.ACCEPTED, Verdict.CANCELLED)
        if self._stop_on_first_failure and is_failure and not self._is_after_failure(test):
            self._failed_test = test

    def _is_after_failure(self, test: str) -> bool:
        return self._failed_test is not None and self._order[test] > self._order[self._failed_test]

    def _describe_stop(self) -> str | None:
        if self.checker_failure is not None:
            return self.checker_failure.partition("\n")[0]
        return None if self._failed_test is None else f"test {self._failed_test} failed"

    def _report_not_run(self, test: str, outcome: Outcome | None, message: str) -> CaseReport:
        return CaseReport(
            name=test,
            passed=False if outcome is not None and self._is_judged(test) else None,
            verdict=None if outcome is None else judge_test(outcome, None),
            score=0.0 if outcome is not None and self._is_judged(test) else None,
            outcome=outcome,
            exit_code=None,
            signal=None,
            message=f"not run: {message}",
            wall_seconds=0.0,
            cpu_seconds=0.0,
            memory_peak_bytes=0,
        )

    def _read_expected(self, expected: Content) -> bytes:
        if isinstance(expected, bytes):
            return expected
        assert self._read_content is not None
        return self._read_content(expected)

    def _create_report(self, phase: PhaseReport, test: str) -> CaseReport:
        ending = judge_phase(phase)
        check = self._checks.get(test)
        if self._has_checker:
            verdict = judge_test(ending.outcome, None) if check is None else check.verdict
        else:
            verdict = judge_test(ending.outcome, test in self._matching if self._is_judged(test) else None)
        return CaseReport(
            name=test,
            passed=verdict is Verdict.ACCEPTED if self._is_judged(test) and verdict is not None else None,
            verdict=verdict,
            checker_message=None if check is None else check.message,
            interactor_output=None if check is None else check.sent,
            score=_score(verdict, check) if self._is_judged(test) else None,
            outcome=ending.outcome,
            exit_code=ending.exit_code,
            signal=ending.signal,
            message=ending.message,
            wall_seconds=phase.wall_seconds,
            cpu_seconds=phase.cpu_seconds,
            memory_peak_bytes=phase.memory_peak_bytes,
            memory_peak_source=phase.memory_peak_source,
        )


def _score(verdict: Verdict | None, check: CheckResult | None) -> float | None:
    if verdict in (None, Verdict.CHECKER_ERROR, Verdict.CANCELLED):
        return None
    if check is not None and check.score is not None:
        return check.score
    return 1.0 if verdict is Verdict.ACCEPTED else 0.0
