"""The JSON representations of a job in the native API."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import msgspec

from app.core.callers import Priority
from app.core.constraints import schema
from app.core.job.contents import KeptFile
from app.core.job.results import JobRecord, QueuePosition, Usage
from app.core.job.spec import TextEncoding
from app.core.judging.groups import GroupReport
from app.core.outcomes import COMPILE, Outcome, PhaseReport
from app.core.states import JobState
from app.core.timestamps import Timestamp, format_optional_timestamp, format_timestamp
from app.core.verdicts import Verdict
from app.core.workspaces import WorkspaceReport
from app.http.jobs.transcript import Transcript
from app.http.v1.artifacts import ArtifactView, create_artifact_view
from app.http.v1.case_views import CaseView, create_case_views

__all__ = [
    "AcceptedJob",
    "FinishedJob",
    "Links",
    "PendingJob",
    "Truncated",
    "create_accepted_view",
    "create_finished_view",
    "create_links",
    "create_pending_view",
    "job_path",
]


class Links(msgspec.Struct, frozen=True, kw_only=True):
    """The URL paths of a job."""

    self: str
    output: str
    stream: str
    cancel: str


class AcceptedJob(msgspec.Struct, frozen=True, kw_only=True):
    """A job that was accepted or cancelled."""

    id: str
    status: JobState
    links: Links


class PendingJob(msgspec.Struct, frozen=True, kw_only=True):
    """A queued or running job.

    ``queue_position`` is the number of jobs before it in the queue. It is None if the job is running or if the position
    is unknown. ``estimated_wait_seconds`` is the position divided by the rate at which jobs were started in the last
    minute. It is None if no job was started or if no worker can run the job. ``waiting_reason`` is None unless the job
    is queued and no worker can run it: ``queue-paused`` if an operator has paused the queue, ``no-worker`` if no worker
    is alive, the reason why all workers are paused, or ``image-missing`` if no worker has the image of the language.
    """

    id: str
    status: Annotated[JobState, schema(enum=[JobState.QUEUED, JobState.RUNNING])]
    language: str
    priority: Priority
    labels: dict[str, str]
    queue_position: int | None
    estimated_wait_seconds: float | None
    waiting_reason: str | None
    queue_seconds: float | None
    attempt: int
    worker: str | None
    cancel_requested: bool
    created_at: Timestamp
    started_at: Timestamp | None
    links: Links


class Truncated(msgspec.Struct, frozen=True, kw_only=True):
    """Whether an output was truncated at ``output_bytes``."""

    stdout: bool
    stderr: bool
    compile_output: bool


class FinishedJob(msgspec.Struct, frozen=True, kw_only=True):
    """A finished job with its result and output.

    Each output has an encoding. ``compile_output`` is None if the language has no compiler. ``verdict`` is None if no
    test has an expected output and there is no checker. ``score`` is the sum of the scores of ``groups``; None without
    groups, or if one of them has none.
    """

    id: str
    status: Annotated[JobState, schema(enum=[JobState.FINISHED])]
    outcome: Outcome
    verdict: Verdict | None
    score: float | None
    groups: tuple[GroupReport, ...]
    exit_code: int | None
    signal: int | None
    message: str
    stdout: str
    stdout_encoding: TextEncoding
    stderr: str
    stderr_encoding: TextEncoding
    compile_output: str | None
    compile_output_encoding: TextEncoding | None
    truncated: Truncated
    usage: Usage | None
    phases: tuple[PhaseReport, ...]
    tests: tuple[CaseView, ...]
    artifacts: tuple[ArtifactView, ...]
    artifacts_incomplete: bool
    workspace: WorkspaceReport | None
    kept_files: tuple[KeptFile, ...]
    language: str
    version: str | None
    priority: Priority
    labels: dict[str, str]
    queue_seconds: float | None
    attempt: int
    worker: str | None
    created_at: Timestamp
    started_at: Timestamp | None
    finished_at: Timestamp | None
    links: Links


def job_path(job_id: str) -> str:
    """Return the URL path of a job."""
    return f"/v1/jobs/{job_id}"


def create_accepted_view(job_id: str, state: JobState) -> AcceptedJob:
    """Create the view of a job that was accepted or cancelled."""
    return AcceptedJob(id=job_id, status=state, links=create_links(job_id))


def create_pending_view(record: JobRecord, position: QueuePosition | None) -> PendingJob:
    """Create the view of a job that has not finished."""
    return PendingJob(
        id=record.id,
        status=record.state,
        language=record.language,
        priority=record.priority,
        labels=record.labels,
        queue_position=None if position is None else position.before,
        estimated_wait_seconds=_estimate_wait(position),
        waiting_reason=None if position is None else position.waiting_reason,
        queue_seconds=_find_queue_seconds(record),
        attempt=record.attempt,
        worker=record.worker,
        cancel_requested=record.cancel_requested,
        created_at=format_timestamp(record.created_at_ms),
        started_at=format_optional_timestamp(record.started_at_ms),
        links=create_links(record.id),
    )


def create_finished_view(record: JobRecord, transcript: Transcript) -> FinishedJob:
    """Create the view of a finished job with its output. Large outputs are in ``transcript.texts``."""
    result = record.result
    assert result is not None, "a finished job has a result"
    stdout, stdout_encoding = transcript.texts.add_output(transcript.run.stdout)
    stderr, stderr_encoding = transcript.texts.add_output(transcript.run.stderr)
    compile_output, compile_encoding = _encode_compile_output(result.phases, transcript)
    return FinishedJob(
        id=record.id,
        status=record.state,
        outcome=result.outcome,
        verdict=result.verdict,
        score=result.score,
        groups=result.groups,
        exit_code=result.exit_code,
        signal=result.signal,
        message=result.message,
        stdout=stdout,
        stdout_encoding=stdout_encoding,
        stderr=stderr,
        stderr_encoding=stderr_encoding,
        compile_output=compile_output,
        compile_output_encoding=compile_encoding,
        truncated=_find_truncated(result.phases),
        usage=result.usage,
        phases=result.phases,
        tests=create_case_views(result, transcript),
        artifacts=tuple(create_artifact_view(job_path(record.id), info) for info in result.artifacts),
        artifacts_incomplete=result.artifacts_incomplete,
        workspace=result.workspace,
        kept_files=record.kept_files,
        language=record.language,
        version=result.version,
        priority=record.priority,
        labels=record.labels,
        queue_seconds=_find_queue_seconds(record),
        attempt=record.attempt,
        worker=record.worker,
        created_at=format_timestamp(record.created_at_ms),
        started_at=format_optional_timestamp(record.started_at_ms),
        finished_at=format_optional_timestamp(record.finished_at_ms),
        links=create_links(record.id),
    )


def create_links(job_id: str) -> Links:
    """Create the URL paths of a job."""
    path = job_path(job_id)
    return Links(self=path, output=f"{path}/output", stream=f"{path}/stream", cancel=f"{path}/cancel")


def _estimate_wait(position: QueuePosition | None) -> float | None:
    if position is None or position.estimated_wait_seconds is None:
        return None
    return round(position.estimated_wait_seconds, 1)


def _encode_compile_output(
    phases: Iterable[PhaseReport], transcript: Transcript
) -> tuple[str, TextEncoding] | tuple[None, None]:
    if transcript.compile.combined or any(phase.name == COMPILE for phase in phases):
        return transcript.texts.add_output(transcript.compile.combined)
    return None, None


def _find_truncated(phases: Iterable[PhaseReport]) -> Truncated:
    compile_phases = [phase for phase in phases if phase.name == COMPILE]
    run_phases = [phase for phase in phases if phase.name != COMPILE]
    return Truncated(
        stdout=any(phase.stdout_truncated for phase in run_phases),
        stderr=any(phase.stderr_truncated for phase in run_phases),
        compile_output=any(phase.stdout_truncated or phase.stderr_truncated for phase in compile_phases),
    )


def _find_queue_seconds(record: JobRecord) -> float | None:
    if record.started_at_ms is None:
        return None
    # The timestamps come from different clocks, so the difference can be negative.
    return max(0, record.started_at_ms - record.created_at_ms) / 1000
