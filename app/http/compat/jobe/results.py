"""The result of a run in Jobe's format."""

from __future__ import annotations

import re
from enum import IntEnum
from typing import Final

import msgspec

from app.core.outcomes import COMPILE, Outcome, PhaseReport, StopReason
from app.http.jobs.submissions import CompletedJob
from app.http.jobs.transcript import PhaseOutput
from app.http.large_texts import LargeTexts, TextForm, is_utf8

__all__ = ["RunOutcome", "RunView", "create_run_view"]

_NOT_PRINTABLE: Final = re.compile(rb"[^\n\r\t -~]")
_SEGMENTATION_FAULT: Final = 11


class RunOutcome(IntEnum):
    """Jobe's outcomes. A program that exits with any code and writes nothing to stderr is successful."""

    COMPILE_ERROR = 11
    RUNTIME_ERROR = 12
    TIME_LIMIT = 13
    SUCCESS = 15
    MEMORY_LIMIT = 17
    INTERNAL_ERROR = 20
    SERVER_OVERLOAD = 21


class RunView(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a run. ``cmpinfo`` is what the compiler wrote; with it, the outcome is a compile error."""

    run_id: str | None
    outcome: RunOutcome
    cmpinfo: str = ""
    stdout: str = ""
    stderr: str = ""


def create_run_view(completed: CompletedJob) -> RunView:
    """Create the view of a finished job. Large outputs are in its transcript."""
    result, transcript, run_id = completed.record.result, completed.transcript, completed.record.id
    assert result is not None, "a completed job has a result"
    if not result.phases or result.outcome in (Outcome.INFRASTRUCTURE_ERROR, Outcome.CANCELLED):
        return RunView(run_id=run_id, outcome=RunOutcome.INTERNAL_ERROR, stderr=result.message)
    texts = transcript.texts
    if compile_info := _read_compile_info(result.phases, transcript.compile):
        return RunView(run_id=run_id, outcome=RunOutcome.COMPILE_ERROR, cmpinfo=_add_text(texts, compile_info))
    outcome, stderr = _judge(result.phases[-1], transcript.run)
    return RunView(
        run_id=run_id,
        outcome=outcome,
        stdout=_add_text(texts, transcript.run.stdout),
        stderr=_add_text(texts, stderr),
    )


def _read_compile_info(phases: tuple[PhaseReport, ...], output: PhaseOutput) -> bytearray:
    """Return what the compiler wrote to stderr, even if it succeeded, as in Jobe; or why it failed."""
    report = next((report for report in phases if report.name == COMPILE), None)
    if report is None:
        return bytearray()
    if report.stopped_by is not StopReason.NONE:
        return output.stderr + f"the compiler was stopped: {report.stopped_by}\n".encode()
    if report.exit_code == 0:
        return output.stderr
    return output.stderr or output.stdout or bytearray(f"the compiler exited with {report.exit_code}\n".encode())


def _judge(report: PhaseReport, output: PhaseOutput) -> tuple[RunOutcome, bytearray]:
    """Return the outcome of the program, and its standard error with the reason why it was stopped."""
    match report.stopped_by:
        case StopReason.WALL_TIME | StopReason.CPU_TIME:
            return RunOutcome.TIME_LIMIT, bytearray()
        case StopReason.OUTPUT:
            return RunOutcome.RUNTIME_ERROR, output.stderr + b"\n***output limit exceeded***\n"
    if report.oom_kills or report.heap_exhausted:
        return RunOutcome.MEMORY_LIMIT, output.stderr
    if report.start_error is not None:
        return RunOutcome.RUNTIME_ERROR, output.stderr + f"{report.start_error}\n".encode()
    if report.signal == _SEGMENTATION_FAULT:
        return RunOutcome.RUNTIME_ERROR, bytearray()
    if report.signal is not None:
        return RunOutcome.RUNTIME_ERROR, output.stderr + f"command terminated with signal {report.signal}\n".encode()
    return RunOutcome.RUNTIME_ERROR if output.stderr else RunOutcome.SUCCESS, output.stderr


def _add_text(texts: LargeTexts, data: bytearray) -> str:
    r"""Add a text. If it is not UTF-8, each of its bytes that is not printable ASCII becomes \xhh, as in Jobe."""
    if not is_utf8(data):
        data = bytearray(_NOT_PRINTABLE.sub(lambda match: b"\\x%02x" % match[0][0], data))
    return texts.add(data, TextForm.UTF8)
