"""How a job ended, and how that is read off what its phases report."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from enum import StrEnum

import msgspec
from msgspec import UNSET, UnsetType

__all__ = ["Outcome", "PhaseReport", "StopReason", "Verdict", "judge", "verdict_of"]

COMPILE = "compile"
RUN = "run"
TEST = "test"


class Outcome(StrEnum):
    """A program that fails is a job that succeeded: only ``infrastructure_error`` is ours."""

    OK = "ok"
    NONZERO_EXIT = "nonzero_exit"
    SIGNALED = "signaled"
    COMPILE_ERROR = "compile_error"
    WALL_TIME_LIMIT = "wall_time_limit"
    CPU_TIME_LIMIT = "cpu_time_limit"
    MEMORY_LIMIT = "memory_limit"
    OUTPUT_LIMIT = "output_limit"
    CANCELLED = "cancelled"
    INFRASTRUCTURE_ERROR = "infrastructure_error"


class StopReason(StrEnum):
    """Why the runner killed a phase, if it did."""

    NONE = "none"
    WALL_TIME = "wall_time"
    CPU_TIME = "cpu_time"
    OUTPUT = "output"
    CANCELLED = "cancelled"


class PhaseReport(msgspec.Struct, frozen=True, kw_only=True):
    """What one phase (compile, run, test) did. ``exit_code`` or ``signal`` is None: a process ends in one way.
    ``test`` is the name of the test that it was.

    ``start_error`` is the system's reason when the program could not be started at all (not executable, no process
    left under the limit); then neither is set.
    """

    name: str
    exit_code: int | None
    signal: int | None
    stopped_by: StopReason
    start_error: str | None
    wall_seconds: float
    cpu_seconds: float
    memory_peak_bytes: int
    oom_kills: int
    stdout_bytes: int
    stderr_bytes: int
    stdout_truncated: bool
    stderr_truncated: bool
    test: str | UnsetType = UNSET


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome, with one plain sentence for people."""

    outcome: Outcome
    exit_code: int | None
    signal: int | None
    message: str


_STOPPED: dict[StopReason, tuple[Outcome, str]] = {
    StopReason.WALL_TIME: (
        Outcome.WALL_TIME_LIMIT,
        "stopped: the time limit was reached after {phase.wall_seconds:.1f} s",
    ),
    StopReason.CPU_TIME: (Outcome.CPU_TIME_LIMIT, "stopped: it had used {phase.cpu_seconds:.1f} s of processor time"),
    StopReason.OUTPUT: (Outcome.OUTPUT_LIMIT, "stopped: it wrote more than the output limit allows"),
    StopReason.CANCELLED: (Outcome.CANCELLED, "cancelled"),
}


def judge(phases: Sequence[PhaseReport]) -> Verdict:
    """Read the outcome off the last phase that ran. A compile phase that fails in any way but being cancelled is a
    ``compile_error``; its report still says which limit it met. One that passed is the last only when the job was
    cancelled before its program began. Of tests, the first that did not end well decides; what they wrote does not.

    Raises:
        ValueError: there is no phase to judge.
    """
    if not phases:
        raise ValueError("a job has at least one phase")
    last = _decisive(phases)
    outcome, message = _outcome_of(last)
    if last.name == COMPILE and outcome is Outcome.OK:
        return Verdict(outcome=Outcome.CANCELLED, exit_code=None, signal=None, message="cancelled")
    if last.name == COMPILE and outcome is not Outcome.CANCELLED:
        outcome, message = Outcome.COMPILE_ERROR, f"compilation failed: {message}"
    if last.name == TEST and outcome is not Outcome.OK:
        message = f"test {last.test}: {message}"
    return Verdict(outcome=outcome, exit_code=last.exit_code, signal=last.signal, message=message)


def verdict_of(phase: PhaseReport) -> Verdict:
    """How this phase ended, by itself."""
    outcome, message = _outcome_of(phase)
    return Verdict(outcome=outcome, exit_code=phase.exit_code, signal=phase.signal, message=message)


def _decisive(phases: Sequence[PhaseReport]) -> PhaseReport:
    failed = (phase for phase in phases if phase.name == TEST and _outcome_of(phase)[0] is not Outcome.OK)
    return next(failed, phases[-1])


def _outcome_of(phase: PhaseReport) -> tuple[Outcome, str]:
    if phase.stopped_by is not StopReason.NONE:
        outcome, template = _STOPPED[phase.stopped_by]
        return outcome, template.format(phase=phase)
    if phase.start_error is not None:
        return Outcome.NONZERO_EXIT, f"could not be started: {phase.start_error}"
    # A child may be OOM-killed while its parent carries on and exits 0: that is a success, with the flag set.
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
