"""The shapes in which a job is shown over HTTP."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import msgspec

from app.core.constraints import told
from app.core.outcomes import COMPILE, Outcome, PhaseReport
from app.core.results import JobRecord, QueuePosition, Usage
from app.core.spec import TextEncoding
from app.core.states import JobState
from app.core.tiers import Priority
from app.core.timestamps import Timestamp, format_optional_timestamp, format_timestamp
from app.http.text_encoding import encode_text
from app.http.transcript import Transcript
from app.http.v1.artifacts import ArtifactView, artifact_view
from app.http.v1.case_views import CaseView, case_views

__all__ = [
    "AcceptedJob",
    "FinishedJob",
    "Links",
    "PendingJob",
    "Truncated",
    "accepted",
    "finished",
    "links_of",
    "path_of",
    "pending",
]


class Links(msgspec.Struct, frozen=True, kw_only=True):
    """Where the rest of a job is, relative to the gateway."""

    self: str
    output: str
    stream: str
    cancel: str


class AcceptedJob(msgspec.Struct, frozen=True, kw_only=True):
    """A job that was taken on, or asked to end."""

    id: str
    status: JobState
    links: Links


class PendingJob(msgspec.Struct, frozen=True, kw_only=True):
    """A job that waits or runs. ``queue_position`` counts the jobs before it; None when running or not known.
    ``estimated_wait_seconds`` goes by how fast the line moved lately; None when it did not move."""

    id: str
    status: Annotated[JobState, told(enum=[JobState.QUEUED, JobState.RUNNING])]
    language: str
    priority: Priority
    labels: dict[str, str]
    queue_position: int | None
    estimated_wait_seconds: float | None
    queue_seconds: float | None
    attempt: int
    worker: str | None
    cancel_requested: bool
    created_at: Timestamp
    started_at: Timestamp | None
    links: Links


class Truncated(msgspec.Struct, frozen=True, kw_only=True):
    """Which texts end before the program's own end of them, because of ``output_bytes``."""

    stdout: bool
    stderr: bool
    compile_output: bool


class FinishedJob(msgspec.Struct, frozen=True, kw_only=True):
    """A job and its result. Each text has its encoding beside it; ``compile_output`` is None for a language that has
    no compiler."""

    id: str
    status: Annotated[JobState, told(enum=[JobState.FINISHED])]
    outcome: Outcome
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


def path_of(job_id: str) -> str:
    """The address of a job."""
    return f"/v1/jobs/{job_id}"


def accepted(job_id: str, state: JobState) -> AcceptedJob:
    """The short answer."""
    return AcceptedJob(id=job_id, status=state, links=links_of(job_id))


def pending(record: JobRecord, position: QueuePosition | None) -> PendingJob:
    """A job that has not finished."""
    return PendingJob(
        id=record.id,
        status=record.state,
        language=record.spec.language,
        priority=record.priority,
        labels=record.labels,
        queue_position=None if position is None else position.before,
        estimated_wait_seconds=_rounded(position),
        queue_seconds=_queue_seconds(record),
        attempt=record.attempt,
        worker=record.worker,
        cancel_requested=record.cancel_requested,
        created_at=format_timestamp(record.created_at_ms),
        started_at=format_optional_timestamp(record.started_at_ms),
        links=links_of(record.id),
    )


def finished(record: JobRecord, transcript: Transcript) -> FinishedJob:
    """A job that has finished, with what it wrote."""
    result = record.result
    assert result is not None, "a finished record has its result"
    stdout, stdout_encoding = encode_text(transcript.run.stdout)
    stderr, stderr_encoding = encode_text(transcript.run.stderr)
    compile_output, compile_encoding = _compile_output(result.phases, transcript)
    return FinishedJob(
        id=record.id,
        status=record.state,
        outcome=result.outcome,
        exit_code=result.exit_code,
        signal=result.signal,
        message=result.message,
        stdout=stdout,
        stdout_encoding=stdout_encoding,
        stderr=stderr,
        stderr_encoding=stderr_encoding,
        compile_output=compile_output,
        compile_output_encoding=compile_encoding,
        truncated=_truncated(result.phases),
        usage=result.usage,
        phases=result.phases,
        tests=case_views(result, transcript),
        artifacts=tuple(artifact_view(path_of(record.id), info) for info in result.artifacts),
        artifacts_incomplete=result.artifacts_incomplete,
        language=record.spec.language,
        version=result.version,
        priority=record.priority,
        labels=record.labels,
        queue_seconds=_queue_seconds(record),
        attempt=record.attempt,
        worker=record.worker,
        created_at=format_timestamp(record.created_at_ms),
        started_at=format_optional_timestamp(record.started_at_ms),
        finished_at=format_optional_timestamp(record.finished_at_ms),
        links=links_of(record.id),
    )


def links_of(job_id: str) -> Links:
    """Where the rest of a job is."""
    path = path_of(job_id)
    return Links(self=path, output=f"{path}/output", stream=f"{path}/stream", cancel=f"{path}/cancel")


def _rounded(position: QueuePosition | None) -> float | None:
    if position is None or position.estimated_wait_seconds is None:
        return None
    return round(position.estimated_wait_seconds, 1)


def _compile_output(
    phases: Iterable[PhaseReport], transcript: Transcript
) -> tuple[str, TextEncoding] | tuple[None, None]:
    if transcript.compile.chunks or any(phase.name == COMPILE for phase in phases):
        return encode_text(transcript.compile_output)
    return None, None


def _truncated(phases: Iterable[PhaseReport]) -> Truncated:
    compiling = [phase for phase in phases if phase.name == COMPILE]
    running = [phase for phase in phases if phase.name != COMPILE]
    return Truncated(
        stdout=any(phase.stdout_truncated for phase in running),
        stderr=any(phase.stderr_truncated for phase in running),
        compile_output=any(phase.stdout_truncated or phase.stderr_truncated for phase in compiling),
    )


def _queue_seconds(record: JobRecord) -> float | None:
    if record.started_at_ms is None:
        return None
    # The two moments are by two clocks.
    return max(0, record.started_at_ms - record.created_at_ms) / 1000
