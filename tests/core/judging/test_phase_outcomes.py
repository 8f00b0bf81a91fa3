"""Verdicts of jobs from the reports of their phases."""

from __future__ import annotations

import signal
from typing import Any

import pytest

from app.core.judging.phase_outcomes import judge_phases
from app.core.outcomes import Outcome, PhaseReport, StopReason


def phase(name: str = "run", **changes: Any) -> PhaseReport:
    passed: dict[str, Any] = {
        "exit_code": 0, "signal": None, "stopped_by": StopReason.NONE, "start_error": None, "wall_seconds": 1.25,
        "cpu_seconds": 0.5, "memory_peak_bytes": 1, "oom_kills": 0, "stdout_bytes": 0, "stderr_bytes": 0,
        "stdout_truncated": False, "stderr_truncated": False,
    }  # fmt: skip
    return PhaseReport(name=name, **{**passed, **changes})


def killed(number: int, name: str = "run", **changes: Any) -> PhaseReport:
    return phase(name, exit_code=None, signal=number, **changes)


RUNS = [
    (phase(), Outcome.OK, "exited normally"),
    (phase(exit_code=3), Outcome.NONZERO_EXIT, "exited with code 3"),
    # 128 + N is the exit code that a shell uses for signal N. It is still an exit code.
    (phase(exit_code=137), Outcome.NONZERO_EXIT, "exited with code 137"),
    (phase(exit_code=139), Outcome.NONZERO_EXIT, "exited with code 139"),
    (phase(exit_code=255), Outcome.NONZERO_EXIT, "exited with code 255"),
    (phase(exit_code=None, start_error="Exec format error"), Outcome.NONZERO_EXIT, "could not be started: Exec format"),
    (killed(signal.SIGSEGV), Outcome.SIGNALED, "killed by signal 11 (SIGSEGV)"),
    (killed(99), Outcome.SIGNALED, "killed by signal 99 (unknown)"),
    (killed(signal.SIGKILL), Outcome.SIGNALED, "killed by signal 9 (SIGKILL)"),
    (killed(signal.SIGKILL, oom_kills=1), Outcome.MEMORY_LIMIT, "more memory"),
    (phase(exit_code=1, oom_kills=1), Outcome.MEMORY_LIMIT, "more memory"),
    # A child was killed, and its parent exited with 0.
    (phase(exit_code=0, oom_kills=2), Outcome.OK, "exited normally"),
    (phase(exit_code=1, heap_exhausted=True), Outcome.MEMORY_LIMIT, "ended: its runtime got no more memory"),
    (killed(6, heap_exhausted=True), Outcome.MEMORY_LIMIT, "ended: its runtime got no more memory"),
    (phase(exit_code=1, process_limit_hits=3), Outcome.NONZERO_EXIT, "with code 1; the process limit was reached"),
    (killed(9, stopped_by=StopReason.WALL_TIME, process_limit_hits=1), Outcome.WALL_TIME_LIMIT, "s; the process limit"),
    # A program can send SIGXCPU and SIGXFSZ to itself. Only ``stopped_by`` means that a limit was reached.
    (killed(signal.SIGXCPU), Outcome.SIGNALED, "killed by signal 24 (SIGXCPU)"),
    (killed(signal.SIGXFSZ), Outcome.SIGNALED, "killed by signal 25 (SIGXFSZ)"),
    (killed(9, stopped_by=StopReason.WALL_TIME), Outcome.WALL_TIME_LIMIT, "after 1.2 s"),
    (killed(9, stopped_by=StopReason.CPU_TIME), Outcome.CPU_TIME_LIMIT, "0.5 s of processor time"),
    (killed(9, stopped_by=StopReason.OUTPUT), Outcome.OUTPUT_LIMIT, "output limit"),
    (killed(9, stopped_by=StopReason.CANCELLED), Outcome.CANCELLED, "cancelled"),
    # The limit that was reached first takes precedence over the end of the process.
    (phase(exit_code=0, stopped_by=StopReason.OUTPUT), Outcome.OUTPUT_LIMIT, "output limit"),
    (killed(9, stopped_by=StopReason.WALL_TIME, oom_kills=3), Outcome.WALL_TIME_LIMIT, "after 1.2 s"),
]


@pytest.mark.parametrize(("report", "outcome", "words"), RUNS)
@pytest.mark.parametrize("before", [[], [phase("compile")]])
def test_judge_phases_uses_the_last_phase(
    before: list[PhaseReport], report: PhaseReport, outcome: Outcome, words: str
) -> None:
    verdict = judge_phases([*before, report])

    assert verdict.outcome is outcome
    assert words in verdict.message
    assert (verdict.exit_code, verdict.signal) == (report.exit_code, report.signal)


@pytest.mark.parametrize(("report", "outcome", "words"), RUNS)
def test_judge_phases_reports_compile_error_when_the_compiler_fails(
    report: PhaseReport, outcome: Outcome, words: str
) -> None:
    verdict = judge_phases(
        [phase("compile", **{n: getattr(report, n) for n in report.__struct_fields__ if n != "name"})]
    )

    if outcome in (Outcome.CANCELLED, Outcome.OK):
        # A successful compile phase is the last phase only if the job was cancelled directly after it.
        assert (verdict.outcome, verdict.message) == (Outcome.CANCELLED, "cancelled")
    else:
        assert verdict.outcome is Outcome.COMPILE_ERROR
        assert verdict.message.startswith("compilation failed: ")
        assert words in verdict.message


def test_judge_phases_returns_every_outcome_but_infrastructure_error() -> None:
    reached = {judge_phases([report]).outcome for report, *_ in RUNS} | {
        judge_phases([phase("compile", exit_code=1)]).outcome
    }

    assert reached == set(Outcome) - {Outcome.INFRASTRUCTURE_ERROR}


def test_judge_phases_raises_without_a_phase() -> None:
    with pytest.raises(ValueError, match="at least one phase"):
        judge_phases([])


@pytest.mark.parametrize(
    ("phases", "exhausted", "outcome", "message"),
    [
        ([phase("test", test="1")], StopReason.CPU_TIME, Outcome.CPU_TIME_LIMIT, "stopped: the job has used"),
        ([phase("compile")], StopReason.WALL_TIME, Outcome.WALL_TIME_LIMIT, "stopped: the job has used its total time"),
        ([phase("test", test="1", exit_code=3)], StopReason.CPU_TIME, Outcome.NONZERO_EXIT, "test 1: exited"),
        ([killed(9, name="test", test="1", stopped_by=StopReason.WALL_TIME)], StopReason.WALL_TIME,
         Outcome.WALL_TIME_LIMIT, "test 1: stopped"),
    ],
)  # fmt: skip
def test_judge_phases_reports_the_total_limit_when_all_phases_that_ran_succeeded(
    phases: list[PhaseReport], exhausted: StopReason, outcome: Outcome, message: str
) -> None:
    verdict = judge_phases(phases, exhausted)

    assert verdict.outcome is outcome
    assert verdict.message.startswith(message)
