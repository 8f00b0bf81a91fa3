"""What the parts need of each other, so that none has to know another: the store, the sandbox, the viewers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import msgspec

from app.core.artifacts import Artifact
from app.core.callers import Caller
from app.core.errors import RateLimited, TooManyJobs
from app.core.events import LoggedEvent, Output
from app.core.languages import HostLanguages, LanguageInfo
from app.core.outcomes import PhaseReport
from app.core.results import JobPage, JobRecord, JobSummary
from app.core.spec import ForeignRequest, JobSpec
from app.core.tiers import Priority

__all__ = [
    "Admission",
    "AdmissionRequest",
    "Admissions",
    "Idempotency",
    "Inbox",
    "Input",
    "InputKind",
    "Jobs",
    "Languages",
    "NewJob",
    "QueuePosition",
    "Refusal",
    "Sandbox",
    "SandboxReport",
    "Sink",
    "Watch",
]


class Idempotency(msgspec.Struct, frozen=True):
    """A client's own name for a submission, and what it was sent with. Neither can be read back from these."""

    name: str
    fingerprint: str


class NewJob(msgspec.Struct, frozen=True, kw_only=True):
    """A checked job on its way into the queue. The caller chooses the id, so that it can watch before it submits.

    Parameters:
        backlog_share: refused when the queue is fuller than this.
        idempotency: given, the first job with this name is the only one.
        webhook_url: who is told of its end.
        foreign: kept with it for the API that it came through; None for ours.
    """

    id: str
    spec: JobSpec
    owner: str
    request_id: str
    created_at_ms: int
    priority: Priority = Priority.INTERACTIVE
    labels: dict[str, str] = {}
    backlog_share: float = 1.0
    idempotency: Idempotency | None = None
    webhook_url: str | None = None
    foreign: ForeignRequest | None = None


class InputKind(StrEnum):
    """What can be sent to a job that waits or runs."""

    STDIN = "stdin"
    EOF = "eof"
    CANCEL = "cancel"
    RESIZE = "resize"
    SIGNAL = "signal"


class Input(msgspec.Struct, frozen=True):
    """One thing sent to a job; ``data``: bytes of STDIN, the name of a SIGNAL, a RESIZE as TerminalSize packs it."""

    kind: InputKind
    data: bytes = b""


class QueuePosition(msgspec.Struct, frozen=True, kw_only=True):
    """How many jobs of its priority are before a job, and how long it may wait; None when nothing has run lately."""

    before: int
    estimated_wait_seconds: float | None


class Watch(Protocol):
    """Wake-ups for one job. They may be lost or come twice: read the log after each, and after every time-out."""

    async def wait(self, timeout_seconds: float) -> None:
        """Return when something may have changed, or when the time is up."""


class Refusal(StrEnum):
    """Why no more jobs are let through."""

    RATE = "rate"
    PLACES = "places"


class Admission(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller was allowed, and where its token bucket stands.

    Parameters:
        through: so many of the jobs, the first ones, may be submitted; places are held for them.
        refused_by: why not all of them; None when all.
        retry_after_seconds: when one more may pass; 0 when all passed.
    """

    through: int
    limit: int
    remaining: int
    reset_seconds: float
    refused_by: Refusal | None
    retry_after_seconds: float

    def refusal(self) -> RateLimited:
        """The error for the jobs that were not let through."""
        kind = TooManyJobs if self.refused_by is Refusal.PLACES else RateLimited
        return kind(self.retry_after_seconds)


@dataclass
class AdmissionRequest:
    """Who is to be let through with one job, in the step that writes it.

    Parameters:
        admission: what was said; None for as long as it was not asked, or not answered.
    """

    caller: Caller
    admission: Admission | None = None


class Jobs(Protocol):
    """The HTTP side's view of the jobs (asyncio). Every method raises StoreUnavailable when Redis does not answer."""

    async def submit(self, job: NewJob, entrance: AdmissionRequest | None = None) -> str:
        """Write the record and the queue entry in one atomic step.

        Parameters:
            entrance: given, leave to submit is asked for in the same step. Else it was asked for before.

        Returns:
            The id of the job that is there now: this one's, or that of an earlier one with the same idempotency name.

        Raises:
            QueueFull, IdempotencyMismatch: nothing was written.
            RateLimited, TooManyJobs: the caller was not let through; nothing was written.
        """

    async def get(self, job_id: str) -> JobRecord:
        """Raises JobNotFound."""

    async def events(self, job_id: str, after: str | None, count: int = 100) -> Sequence[LoggedEvent]:
        """Up to ``count`` events behind the cursor, oldest first; of an unknown job none.

        Raises InvalidRequest (field ``after``) for a cursor that cannot be one."""

    async def artifact(self, job_id: str, name: str) -> bytes:
        """A file that the job has left. Raises NothingThere."""

    def watch(self, job_id: str, end_only: bool = False) -> AbstractAsyncContextManager[Watch]:
        """Subscribed once entered: what happens later wakes the watch; with ``end_only`` only what may be the end."""

    async def send(self, job_id: str, item: Input) -> None:
        """Pass stdin, end of file or a cancel on. A queued job is cancelled at once, a running one by its worker; a
        finished one ignores it. Raises JobNotFound."""

    async def position(self, job_id: str, priority: Priority) -> QueuePosition | None:
        """Where a queued job stands, or None when that is not known."""

    async def page(self, owner: str, after: str | None, count: int, wanted: Callable[[JobSummary], bool]) -> JobPage:
        """Up to ``count`` of an owner's jobs that are wanted, newest first, behind the cursor of an earlier page. It
        may be fewer, even none, with more to come.

        Raises InvalidRequest (field ``after``) for a cursor that cannot be one."""

    async def delete(self, job: JobRecord) -> None:
        """Forget a finished job and all it wrote. Raises JobNotFinished."""

    async def ping(self) -> None:
        """Return when the store can take a write."""


class Languages(Protocol):
    """Which languages a client may name (asyncio)."""

    async def accepted(self) -> Mapping[str, LanguageInfo]:
        """Every name in lower case: those installed on a worker's engine or, until a worker has told, those known."""

    async def installed(self) -> Sequence[LanguageInfo]:
        """Those whose image is there, by id."""

    async def hosts(self) -> Sequence[HostLanguages]:
        """Which host has which, by the hosts' names."""


class Admissions(Protocol):
    """Token buckets, and places for unfinished jobs (asyncio)."""

    async def admit(self, caller: Caller, job_ids: Sequence[str]) -> Admission:
        """Ask for jobs that are about to be submitted with these ids. A token is gone whatever becomes of the job; its
        place is free again once it has a result.

        Raises:
            StoreUnavailable: closed, not open, when Redis is down.
        """

    def known_refusal(self, caller: Caller) -> Admission | None:
        """What a caller would be told if it asked now, where that is certain: a bucket that was empty is so still."""

    async def release(self, caller: Caller, job_ids: Sequence[str]) -> None:
        """Give places back that were held for jobs that were never submitted. They would be free in two minutes."""


class Inbox(Protocol):
    """What was sent to a running job, for the thread that runs it."""

    def fileno(self) -> int:
        """Readable when take() has something: goes into a selector."""

    def take(self, most_bytes: int) -> list[Input]:
        """What is there, without blocking, with at most this much stdin; the rest stays for later. What is not
        stdin or its end is never held back, and comes first."""


class SandboxReport(msgspec.Struct, frozen=True, kw_only=True):
    """What came out of the sandbox: every phase that ran, and the version of the language it ran with."""

    phases: tuple[PhaseReport, ...]
    version: str | None
    artifacts: tuple[Artifact, ...] = ()
    artifacts_incomplete: bool = False


class Sink(Protocol):
    """Where a sandbox puts what happens while it runs. A call may block: that is the back-pressure on the program."""

    def phase(self, name: str, test: str | None = None) -> None:
        """A phase begins; ``test`` is the name of the test that it is."""

    def output(self, chunks: Sequence[Output]) -> None:
        """Bytes, in order. Raises OwnershipLost to stop the sandbox at once."""


class Sandbox(Protocol):
    """Runs one job in one fresh container."""

    def run(self, job_id: str, attempt: int, spec: JobSpec, sink: Sink, inbox: Inbox) -> SandboxReport:
        """Block until the job has ended and its container is gone or going.

        Raises:
            InfrastructureError: it could not be run, or how it ended is not known; never the program's fault.
        """

    def installed(self) -> Sequence[LanguageInfo]:
        """The languages whose image is on this engine, with the version the image told."""
