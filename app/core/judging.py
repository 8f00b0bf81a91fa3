"""Judging: the outcome of a job from the reports of its phases, and the verdicts of its tests."""

from __future__ import annotations

import signal
from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest
from typing import Final

import msgspec

from app.core.cases import CaseReport, CaseSpec
from app.core.events import Output, Stream
from app.core.outcomes import COMPILE, TEST, Outcome, PhaseReport, StopReason

__all__ = ["CaseChecker", "Verdict", "judge_phase", "judge_phases", "outputs_match"]


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """An outcome with a sentence for people."""

    outcome: Outcome
    exit_code: int | None
    signal: int | None
    message: str


_STOPPED: Final[dict[StopReason, tuple[Outcome, str]]] = {
    StopReason.WALL_TIME: (
        Outcome.WALL_TIME_LIMIT,
        "stopped: the time limit was reached after {phase.wall_seconds:.1f} s",
    ),
    StopReason.CPU_TIME: (Outcome.CPU_TIME_LIMIT, "stopped: it had used {phase.cpu_seconds:.1f} s of processor time"),
    StopReason.OUTPUT: (Outcome.OUTPUT_LIMIT, "stopped: it wrote more than the output limit allows"),
    StopReason.CANCELLED: (Outcome.CANCELLED, "cancelled"),
}
_PROCESS_LIMIT: Final = "the process limit was reached: a process or thread could not be started"


# Messages of the total limits of a job, after "stopped: " or "not run: ".
_EXHAUSTED: Final[dict[StopReason, tuple[Outcome, str]]] = {
    StopReason.WALL_TIME: (Outcome.WALL_TIME_LIMIT, "the job has used its total time"),
    StopReason.CPU_TIME: (Outcome.CPU_TIME_LIMIT, "the job has used its total processor time"),
}


def judge_phases(phases: Sequence[PhaseReport], exhausted: StopReason = StopReason.NONE) -> Verdict:
    """Return the verdict of a job.

    The last phase decides. A failed compile phase is a compile error, whatever limit it reached. A compile phase that
    succeeded is the last phase only if the job was cancelled before its program started. Among tests, the first one
    that did not end with ``ok`` decides; what the tests wrote does not matter. If all phases that ran succeeded, a
    total limit that was reached before the end of the job decides.

    Args:
        phases: The phases that ran.
        exhausted: The total limit that was reached before all phases had run.

    Raises:
        ValueError: There is no phase.
    """
    if not phases:
        raise ValueError("a job has at least one phase")
    last = _find_decisive_phase(phases)
    outcome, message = _judge(last)
    if outcome is Outcome.OK and exhausted is not StopReason.NONE:
        outcome, message = _EXHAUSTED[exhausted]
        return Verdict(outcome=outcome, exit_code=None, signal=None, message=f"stopped: {message}")
    if last.name == COMPILE and outcome is Outcome.OK:
        return Verdict(outcome=Outcome.CANCELLED, exit_code=None, signal=None, message="cancelled")
    if last.name == COMPILE and outcome is not Outcome.CANCELLED:
        outcome, message = Outcome.COMPILE_ERROR, f"compilation failed: {message}"
    if last.name == TEST and outcome is not Outcome.OK:
        message = f"test {last.test}: {message}"
    return Verdict(outcome=outcome, exit_code=last.exit_code, signal=last.signal, message=message)


def judge_phase(phase: PhaseReport) -> Verdict:
    """Return the verdict of a single phase."""
    outcome, message = _judge(phase)
    return Verdict(outcome=outcome, exit_code=phase.exit_code, signal=phase.signal, message=message)


def outputs_match(expected: bytes, actual: bytes | bytearray) -> bool:
    """Compare two outputs, ignoring white space at the ends of lines and blank lines at the end."""
    return all(
        expected_line == actual_line
        for expected_line, actual_line in zip_longest(_iterate_lines(expected), _iterate_lines(actual))
    )


class CaseChecker:
    """Compares the output of each test with its expected output while the job runs.

    It buffers the standard output of one test at a time.
    """

    def __init__(self, cases: Sequence[CaseSpec]) -> None:
        self._expected = {case.name: case.expected_output for case in cases}
        self._matching: set[str] = set()
        self._current: str | None = None
        self._stdout = bytearray()

    def start_phase(self, test: str | None) -> None:
        """Note that the output from now on belongs to this test, or to no test."""
        self._compare()
        self._current = test
        self._stdout.clear()

    def add_output(self, chunks: Iterable[Output]) -> None:
        """Add output of the current test."""
        if self._current is not None and self._expected.get(self._current) is not None:
            for chunk in chunks:
                if chunk.stream is Stream.STDOUT:
                    self._stdout += chunk.data

    def create_reports(
        self, phases: Iterable[PhaseReport], exhausted: StopReason = StopReason.NONE
    ) -> tuple[CaseReport, ...]:
        """Return a report for each test that ran. Call it after the last phase has ended.

        Args:
            phases: The phases that ran.
            exhausted: The total limit that was reached before all tests had run. The others get a report, too.
        """
        self.start_phase(None)
        reports = [self._create_report(phase, phase.test) for phase in phases if isinstance(phase.test, str)]
        if exhausted is not StopReason.NONE:
            ran = {report.name for report in reports}
            reports += [self._report_not_run(test, exhausted) for test in self._expected if test not in ran]
        return tuple(reports)

    def _report_not_run(self, test: str, exhausted: StopReason) -> CaseReport:
        outcome, message = _EXHAUSTED[exhausted]
        return CaseReport(
            name=test,
            passed=None if self._expected[test] is None else False,
            outcome=outcome,
            exit_code=None,
            signal=None,
            message=f"not run: {message}",
            wall_seconds=0.0,
            cpu_seconds=0.0,
            memory_peak_bytes=0,
        )

    def _compare(self) -> None:
        expected = self._expected.get(self._current) if self._current is not None else None
        if expected is not None and self._current is not None and outputs_match(expected, self._stdout):
            self._matching.add(self._current)

    def _create_report(self, phase: PhaseReport, test: str) -> CaseReport:
        verdict = judge_phase(phase)
        passed = verdict.outcome is Outcome.OK and test in self._matching
        return CaseReport(
            name=test,
            passed=None if self._expected.get(test) is None else passed,
            outcome=verdict.outcome,
            exit_code=verdict.exit_code,
            signal=verdict.signal,
            message=verdict.message,
            wall_seconds=phase.wall_seconds,
            cpu_seconds=phase.cpu_seconds,
            memory_peak_bytes=phase.memory_peak_bytes,
            memory_peak_source=phase.memory_peak_source,
        )


def _find_decisive_phase(phases: Sequence[PhaseReport]) -> PhaseReport:
    failed_tests = (phase for phase in phases if phase.name == TEST and _judge(phase)[0] is not Outcome.OK)
    return next(failed_tests, phases[-1])


def _judge(phase: PhaseReport) -> tuple[Outcome, str]:
    outcome, message = _judge_ending(phase)
    return outcome, f"{message}; {_PROCESS_LIMIT}" if phase.process_limit_hits else message


def _judge_ending(phase: PhaseReport) -> tuple[Outcome, str]:
    if phase.stopped_by is not StopReason.NONE:
        outcome, template = _STOPPED[phase.stopped_by]
        return outcome, template.format(phase=phase)
    if phase.start_error is not None:
        return Outcome.NONZERO_EXIT, f"could not be started: {phase.start_error}"
    # A child can be OOM-killed while its parent continues and exits with 0: that is a success.
    if phase.oom_kills and phase.exit_code != 0:
        return Outcome.MEMORY_LIMIT, "killed: it needed more memory than its limit"
    if phase.signal is not None:
        return Outcome.SIGNALED, f"killed by signal {phase.signal} ({_signal_name(phase.signal)})"
    if phase.exit_code:
        return Outcome.NONZERO_EXIT, f"exited with code {phase.exit_code}"
    return Outcome.OK, "exited normally"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return "unknown"


def _iterate_lines(text: bytes | bytearray) -> Iterator[bytes | bytearray]:
    """Yield the lines without trailing white space. A list of them would take 30 times the memory of the text."""
    text = text.rstrip()
    start = 0
    while (end := text.find(b"\n", start)) >= 0:
        yield text[start:end].rstrip()
        start = end + 1
    yield text[start:].rstrip()
