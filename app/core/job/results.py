"""Job records and results."""

from __future__ import annotations

from typing import Final

import msgspec

from app.core.callers import Priority
from app.core.job.contents import KeptFile
from app.core.job.spec import ForeignRequest, JobSpec
from app.core.judging.groups import GroupReport
from app.core.outcomes import MemoryPeakSource, Outcome, PhaseReport
from app.core.states import JobState
from app.core.verdicts import Verdict
from app.core.workspaces import WorkspaceReport

__all__ = [
    "MAX_ARTIFACTS",
    "MAX_ARTIFACTS_BYTES",
    "Artifact",
    "ArtifactInfo",
    "CaseReport",
    "JobPage",
    "JobRecord",
    "JobResult",
    "JobSummary",
    "QueuePosition",
    "Usage",
]

# Limits of all artifacts of a job together.
MAX_ARTIFACTS: Final = 16
MAX_ARTIFACTS_BYTES: Final = 8 * 1024 * 1024


class Artifact(msgspec.Struct, frozen=True):
    """A file that a program left. The name is a path relative to the working directory."""

    name: str
    data: bytes


class ArtifactInfo(msgspec.Struct, frozen=True):
    """An artifact without its content."""

    name: str
    size_bytes: int


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """Resources that a program used: the sums of all phases, and the highest memory peak with its source."""

    wall_seconds: float
    cpu_seconds: float
    memory_peak_bytes: int
    oom_killed: bool
    memory_peak_source: MemoryPeakSource = MemoryPeakSource.SAMPLED


class CaseReport(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a test. Its output is in the output log.

    Attributes:
        passed: Whether the verdict is ``accepted``; None if nothing judges the output.
        outcome: How the program ended. None if the test did not run because an earlier one failed; ``passed`` and
            ``verdict`` are then None, too.
        verdict: None if the outcome is ``ok`` and nothing judges the output: neither an expected output nor a checker.
        checker_message: What the checker or interactor wrote, or why it failed. None if it did not run for this test.
        score: The score that the checker has given; else 1 for an accepted test, 0 for another one. None without a
            verdict on the program.
        interactor_output: The beginning of what the interactor wrote to the program. None without an interactor.
    """

    name: str
    passed: bool | None
    outcome: Outcome | None
    exit_code: int | None
    signal: int | None
    message: str
    wall_seconds: float
    cpu_seconds: float
    memory_peak_bytes: int
    memory_peak_source: MemoryPeakSource = MemoryPeakSource.SAMPLED
    verdict: Verdict | None = None
    checker_message: str | None = None
    score: float | None = None
    interactor_output: str | None = None


class JobResult(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a job. Its output is in the output log.

    Attributes:
        outcome: How the job ended.
        exit_code: Exit code of the decisive phase, or None.
        signal: Signal that ended the decisive phase, or None.
        message: A sentence for people.
        usage: None if the program did not run.
        phases: The phases that ran.
        tests: The tests that ran, and those that did not because of a total limit or an earlier failure.
        artifacts: The files that the program left.
        artifacts_incomplete: Whether requested files are missing because they are too many, too large, or have an
            invalid name.
        version: Version of the language; None if the program did not run.
        verdict: None if no test has an expected output and there is no checker, or if the outcome is
            ``infrastructure_error``.
        groups: The scores of the groups of tests.
        workspace: What the job did to the files of its workspace. None without one, or if the program did not run.
        score: The sum of the scores of the groups. None without groups, or if one of them has no score.
    """

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
    verdict: Verdict | None = None
    groups: tuple[GroupReport, ...] = ()
    score: float | None = None
    workspace: WorkspaceReport | None = None


class JobRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A job in the store. Times are Unix milliseconds by the clocks of the gateway and the worker.

    Attributes:
        language: Id of the language.
        spec: What the worker runs. None if the job has finished, unless the API that it was submitted through returns
            the source of finished jobs, or the job was dead-lettered and can be replayed.
        result: Set if and only if ``state`` is finished.
        foreign: The request in the format of the compat API that the job was submitted through.
        kept_files: The source files and the inputs, if the caller requested to keep them.
    """

    id: str
    state: JobState
    language: str
    spec: JobSpec | None
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
    kept_files: tuple[KeptFile, ...] = ()


class JobSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A job in a list.

    Attributes:
        outcome: Set if and only if ``state`` is finished.
        owner: Owner of the job.
        api: The compat API that the job was submitted through; None for the native API.
    """

    id: str
    owner: str
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
    """A page of a list, newest jobs first. ``next`` is the cursor of the next page; None on the last page."""

    jobs: tuple[JobSummary, ...]
    next: str | None


class QueuePosition(msgspec.Struct, frozen=True, kw_only=True):
    """The position of a queued job.

    Attributes:
        before: Number of jobs of the same priority ahead of it.
        estimated_wait_seconds: Estimate from the rate of started jobs; None if no job was started in the last minute.
        waiting_reason: Why no worker can run the job: ``queue-paused``, ``no-worker``, the reason why all workers are
            paused (app/sandbox/engine_availability.py), or ``image-missing``. None if a worker can.
    """

    before: int
    estimated_wait_seconds: float | None
    waiting_reason: str | None = None
