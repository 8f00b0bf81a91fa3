"""What is known of a job, from its acceptance to its result."""

from __future__ import annotations

import msgspec

from app.core.artifacts import ArtifactInfo
from app.core.cases import CaseReport
from app.core.outcomes import Outcome, PhaseReport
from app.core.spec import ForeignRequest, JobSpec
from app.core.states import JobState
from app.core.tiers import Priority

__all__ = ["JobPage", "JobRecord", "JobResult", "JobSummary", "QueuePosition", "Usage"]


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """What the program took, all phases together; the peak is the highest of any."""

    wall_seconds: float
    cpu_seconds: float
    memory_peak_bytes: int
    oom_killed: bool


class JobResult(msgspec.Struct, frozen=True, kw_only=True):
    """The one visible result of a job. The output itself is in the output log, not in here. ``tests`` are those that
    began. ``artifacts_incomplete``: a file that was asked for is one too many, too large, or has an unusable name."""

    outcome: Outcome
    exit_code: int | None = None
    signal: int | None = None
    message: str
    usage: Usage | None = None
    phases: tuple[PhaseReport, ...] = ()
    tests: tuple[CaseReport, ...] = ()
    artifacts: tuple[ArtifactInfo, ...] = ()
    artifacts_incomplete: bool = False
    version: str | None = None


class JobRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A job as the store has it. Times are Unix milliseconds by the store's or the worker's clock.

    ``result`` is there exactly when ``state`` is finished.
    """

    id: str
    state: JobState
    spec: JobSpec
    owner: str
    request_id: str
    created_at_ms: int
    priority: Priority = Priority.INTERACTIVE
    labels: dict[str, str] = {}
    attempt: int = 0
    worker: str | None = None
    started_at_ms: int | None = None
    finished_at_ms: int | None = None
    cancel_requested: bool = False
    result: JobResult | None = None
    foreign: ForeignRequest | None = None


class JobSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A job as lists show it. ``outcome`` is there exactly when ``state`` is finished. ``api`` names the one it came
    through, None for ours."""

    id: str
    state: JobState
    outcome: Outcome | None
    language: str
    priority: Priority
    labels: dict[str, str]
    created_at_ms: int
    started_at_ms: int | None
    finished_at_ms: int | None
    api: str | None = None


class JobPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some jobs, newest first. ``next`` is where to go on; None at the end."""

    jobs: tuple[JobSummary, ...]
    next: str | None


class QueuePosition(msgspec.Struct, frozen=True, kw_only=True):
    """How many jobs of its priority are before a job, and how long it may wait; None when nothing has run lately."""

    before: int
    estimated_wait_seconds: float | None
