"""The result of a stage (compile or run), with the statuses and messages of Piston's sandbox, isolate."""

from __future__ import annotations

import signal
from enum import StrEnum
from typing import Final

import msgspec

from app.core.judging.phase_outcomes import judge_phase
from app.core.outcomes import PhaseReport, StopReason
from app.http.jobs.transcript import PhaseOutput
from app.http.large_texts import LargeTexts, TextForm

__all__ = ["StageStatus", "StageView", "create_failed_stage", "create_stage_view", "exit_code", "signal_name"]

_KILLED: Final = "SIGKILL"


class StageStatus(StrEnum):
    """Why a stage failed. A successful stage has no status."""

    RUNTIME_ERROR = "RE"
    SIGNAL = "SG"
    TIMEOUT = "TO"
    STDOUT_LIMIT = "OL"
    STDERR_LIMIT = "EL"
    INTERNAL_ERROR = "XX"


class StageView(msgspec.Struct, frozen=True, kw_only=True):
    """A stage. Times are in milliseconds, memory in bytes. ``output`` is both streams in the order of arrival."""

    stdout: str
    stderr: str
    output: str
    code: int | None
    signal: str | None
    message: str | None
    status: StageStatus | None
    cpu_time: int | None
    wall_time: int | None
    memory: int | None


def create_stage_view(report: PhaseReport, output: PhaseOutput, texts: LargeTexts) -> StageView:
    """Create the view of a stage that ran. Large outputs are in ``texts``."""
    status = _status(report)
    return StageView(
        stdout=texts.add(output.stdout, TextForm.REPLACED),
        stderr=texts.add(output.stderr, TextForm.REPLACED),
        output=texts.add(output.combined, TextForm.REPLACED),
        code=exit_code(report),
        signal=signal_name(report),
        message=None if status is None else _message(report, status),
        status=status,
        cpu_time=round(report.cpu_seconds * 1000),
        wall_time=round(report.wall_seconds * 1000),
        memory=report.memory_peak_bytes,
    )


def create_failed_stage(message: str) -> StageView:
    """Create the view of an execution that the service could not run."""
    return StageView(
        stdout="",
        stderr="",
        output="",
        code=None,
        signal=None,
        message=message,
        status=StageStatus.INTERNAL_ERROR,
        cpu_time=None,
        wall_time=None,
        memory=None,
    )


def exit_code(report: PhaseReport) -> int | None:
    """Return the exit code, or None if the stage was stopped or killed."""
    return report.exit_code if report.stopped_by is StopReason.NONE else None


def signal_name(report: PhaseReport) -> str | None:
    """Return the name of the signal that ended the stage, such as ``SIGKILL``, or None if it exited by itself."""
    if report.stopped_by is not StopReason.NONE:
        return _KILLED
    if report.signal is None:
        return None
    try:
        return signal.Signals(report.signal).name
    except ValueError:  # a real-time signal
        return f"SIG{report.signal}"


def _status(report: PhaseReport) -> StageStatus | None:
    match report.stopped_by:
        case StopReason.WALL_TIME | StopReason.CPU_TIME:
            return StageStatus.TIMEOUT
        case StopReason.OUTPUT:
            return StageStatus.STDOUT_LIMIT if report.stdout_truncated else StageStatus.STDERR_LIMIT
        case StopReason.CANCELLED:
            return StageStatus.SIGNAL
    if report.signal is not None:
        return StageStatus.SIGNAL
    return StageStatus.RUNTIME_ERROR if report.exit_code != 0 else None


def _message(report: PhaseReport, status: StageStatus) -> str:
    match report.stopped_by:
        case StopReason.WALL_TIME:
            return "Time limit exceeded (wall clock)"
        case StopReason.CPU_TIME:
            return "Time limit exceeded"
        case StopReason.OUTPUT:
            return f"{'stdout' if status is StageStatus.STDOUT_LIMIT else 'stderr'} length exceeded"
        case StopReason.CANCELLED:
            return judge_phase(report).message
    if report.oom_kills or report.start_error is not None:
        return judge_phase(report).message
    if report.signal is not None:
        return f"Caught fatal signal {report.signal}"
    return f"Exited with error status {report.exit_code}"
