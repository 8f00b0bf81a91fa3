"""The outcome of a job from the reports of its phases."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from typing import Final

import msgspec

from app.core.outcomes import COMPILE, TEST, Outcome, PhaseReport, StopReason

__all__ = ["CANCELLED", "EXHAUSTED", "PhaseOutcome", "judge_phase", "judge_phases"]


class PhaseOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """An outcome with a sentence for people."""

    outcome: Outcome
    exit_code: int | None
    signal: int | None
    message: str


#: The outcome of a job that was cancelled while none of its phases ran.
CANCELLED: Final = PhaseOutcome(outcome=Outcome.CANCELLED, exit_code=None, signal=None, message="cancelled")

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


#: Outcomes and messages of the total limits of a job, after "stopped: " or "not run: ".
EXHAUSTED: Final[dict[StopReason, tuple[Outcome, str]]] = {
    StopReason.WALL_TIME: (Outcome.WALL_TIME_LIMIT, "the job has used its total time"),
    StopReason.CPU_TIME: (Outcome.CPU_TIME_LIMIT, "the job has used its total processor time"),
}


def judge_phases(phases: Sequence[PhaseReport], exhausted: StopReason = StopReason.NONE) -> PhaseOutcome:
    """Return the outcome of a job.

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
        outcome, message = EXHAUSTED[exhausted]
        return PhaseOutcome(outcome=outcome, exit_code=None, signal=None, message=f"stopped: {message}")
    if last.name == COMPILE and outcome is Outcome.OK:
        return CANCELLED
    if last.name == COMPILE and outcome is not Outcome.CANCELLED:
        outcome, message = Outcome.COMPILE_ERROR, f"compilation failed: {message}"
    if last.name == TEST and outcome is not Outcome.OK:
        message = f"test {last.test}: {message}"
    return PhaseOutcome(outcome=outcome, exit_code=last.exit_code, signal=last.signal, message=message)


def judge_phase(phase: PhaseReport) -> PhaseOutcome:
    """Return the outcome of a single phase."""
    outcome, message = _judge(phase)
    return PhaseOutcome(outcome=outcome, exit_code=phase.exit_code, signal=phase.signal, message=message)


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
    if phase.heap_exhausted:
        return Outcome.MEMORY_LIMIT, "ended: its runtime got no more memory"
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
