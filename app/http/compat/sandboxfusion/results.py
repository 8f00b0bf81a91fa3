"""The result of a program in SandboxFusion's format."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from enum import StrEnum
from typing import Final

import msgspec

from app.core.job.results import JobResult
from app.core.judging.phase_outcomes import judge_phase
from app.core.outcomes import COMPILE, Outcome, PhaseReport, StopReason
from app.http.jobs.submissions import CompletedJob
from app.http.jobs.transcript import PhaseOutput
from app.http.large_texts import LargeTexts, TextForm
from app.store.jobs.job_store import JobStore

__all__ = [
    "CommandStatus",
    "CommandView",
    "RunCodeView",
    "RunStatus",
    "create_command_view",
    "create_run_view",
    "find_service_error",
    "read_files",
]

_SIGKILL: Final = 9
#: Exit code of a shell that cannot execute a program (POSIX, section 2.8.2).
_CANNOT_EXECUTE: Final = 126


class CommandStatus(StrEnum):
    """How a command ended."""

    FINISHED = "Finished"
    ERROR = "Error"
    TIME_LIMIT_EXCEEDED = "TimeLimitExceeded"


class RunStatus(StrEnum):
    """The result of all commands: a program that fails is ``Failed``; ``SandboxError`` is a fault of the service."""

    SUCCESS = "Success"
    FAILED = "Failed"
    SANDBOX_ERROR = "SandboxError"


class CommandView(msgspec.Struct, frozen=True, kw_only=True):
    """A compiler or a program that ran. Without ``return_code``, it was stopped at its time limit.

    A signal is a negative return code.
    """

    status: CommandStatus
    execution_time: float | None = None
    return_code: int | None = None
    stdout: str | None = None
    stderr: str | None = None


class RunCodeView(msgspec.Struct, frozen=True, kw_only=True):
    """The response to /run_code. ``files`` are in Base64."""

    status: RunStatus
    message: str = ""
    compile_result: CommandView | None = None
    run_result: CommandView | None = None
    executor_pod_name: str | None = None
    files: dict[str, str] = {}


def create_run_view(completed: CompletedJob, files: dict[str, str], missing: str) -> RunCodeView:
    """Create the response for a finished job. Large outputs are in its transcript.

    Args:
        completed: The job.
        files: The fetched files.
        missing: Why files are missing, or an empty text.
    """
    result, transcript = completed.record.result, completed.transcript
    assert result is not None, "a completed job has a result"
    if error := find_service_error(result):
        return RunCodeView(status=RunStatus.SANDBOX_ERROR, message=error)
    views = {
        report.name: create_command_view(
            report, transcript.compile if report.name == COMPILE else transcript.run, transcript.texts
        )
        for report in result.phases
    }
    is_success = all(view.return_code == 0 for view in views.values())
    compile_view = views.pop(COMPILE, None)
    return RunCodeView(
        status=RunStatus.SUCCESS if is_success else RunStatus.FAILED,
        message=describe_stop(result.phases) or missing,
        compile_result=compile_view,
        run_result=next(iter(views.values()), None),
        files=files,
    )


def create_command_view(report: PhaseReport, output: PhaseOutput, texts: LargeTexts) -> CommandView:
    """Create the view of a phase. Large outputs are in ``texts``."""
    is_late = report.stopped_by in (StopReason.WALL_TIME, StopReason.CPU_TIME)
    return CommandView(
        status=CommandStatus.TIME_LIMIT_EXCEEDED if is_late else CommandStatus.FINISHED,
        execution_time=report.wall_seconds,
        return_code=None if is_late else _return_code(report),
        stdout=texts.add(output.stdout, TextForm.REPLACED),
        stderr=texts.add(output.stderr, TextForm.REPLACED),
    )


def describe_stop(phases: Iterable[PhaseReport]) -> str:
    """Return why a phase was stopped, for reasons that SandboxFusion does not know, or an empty text."""
    for report in phases:
        if report.stopped_by is StopReason.OUTPUT or report.oom_kills or report.start_error is not None:
            return judge_phase(report).message
    return ""


def find_service_error(result: JobResult) -> str:
    """Return why the service could not run a program, or an empty text."""
    has_failed = result.outcome in (Outcome.INFRASTRUCTURE_ERROR, Outcome.CANCELLED)
    return result.message if has_failed or not result.phases else ""


async def read_files(jobs: JobStore, job_id: str, result: JobResult | None) -> tuple[dict[str, str], str]:
    """Return the artifacts of a job in Base64, and why some are missing."""
    if result is None:
        return {}, ""
    files = {
        artifact.name: base64.b64encode(await jobs.artifact(job_id, artifact.name)).decode()
        for artifact in result.artifacts
    }
    return files, "some of fetch_files are too large" if result.artifacts_incomplete else ""


def _return_code(report: PhaseReport) -> int:
    if report.start_error is not None:
        return _CANNOT_EXECUTE
    if report.stopped_by is not StopReason.NONE:
        return -_SIGKILL
    if report.signal is not None:
        return -report.signal
    return report.exit_code or 0
