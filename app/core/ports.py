"""What the parts need of each other, so that none has to know another: the store, the sandbox, the viewers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from enum import StrEnum
from typing import Protocol

import msgspec

from app.core.events import LoggedEvent, Output
from app.core.languages import LanguageInfo
from app.core.outcomes import PhaseReport
from app.core.results import JobRecord
from app.core.spec import JobSpec

__all__ = [
    "Allowance",
    "Inbox",
    "Input",
    "InputKind",
    "Jobs",
    "Languages",
    "NewJob",
    "RateLimiter",
    "Sandbox",
    "SandboxReport",
    "Sink",
    "Watch",
]


class NewJob(msgspec.Struct, frozen=True, kw_only=True):
    """A checked job on its way into the queue. The caller chooses the id, so that it can watch before it submits."""

    id: str
    spec: JobSpec
    owner: str
    request_id: str
    created_at_ms: int


class InputKind(StrEnum):
    """What can be sent to a job that waits or runs."""

    STDIN = "stdin"
    EOF = "eof"
    CANCEL = "cancel"


class Input(msgspec.Struct, frozen=True):
    """One thing sent to a job; ``data`` only with STDIN."""

    kind: InputKind
    data: bytes = b""


class Watch(Protocol):
    """Wake-ups for one job. They may be lost or come twice: read the log after each, and after every time-out."""

    async def wait(self, timeout_seconds: float) -> None:
        """Return when something may have changed, or when the time is up."""


class Jobs(Protocol):
    """The HTTP side's view of the jobs (asyncio). Every method raises StoreUnavailable when Redis does not answer."""

    async def submit(self, job: NewJob) -> None:
        """Write the record and the queue entry in one atomic step. Raises QueueFull; then nothing was written."""

    async def get(self, job_id: str) -> JobRecord:
        """Raises JobNotFound."""

    async def events(self, job_id: str, after: str | None, count: int = 100) -> list[LoggedEvent]:
        """Up to ``count`` events behind the cursor, oldest first; of an unknown job none.

        Raises InvalidRequest (field ``after``) for a cursor that cannot be one."""

    def watch(self, job_id: str) -> AbstractAsyncContextManager[Watch]:
        """Subscribed once entered: what happens later wakes the watch."""

    async def send(self, job_id: str, item: Input) -> None:
        """Pass stdin, end of file or a cancel on. A queued job is cancelled at once, a running one by its worker; a
        finished one ignores it. Raises JobNotFound."""

    async def position(self, job_id: str) -> int | None:
        """How many queued jobs are before this one, or None when that is not known."""

    async def ping(self) -> None:
        """Return when the store can take a write."""


class Languages(Protocol):
    """Which languages a client may name (asyncio)."""

    async def accepted(self) -> Mapping[str, LanguageInfo]:
        """Every name in lower case: those installed on a worker's engine or, until a worker has told, those known."""

    async def installed(self) -> Sequence[LanguageInfo]:
        """Those whose image is there, by id."""


class Allowance(msgspec.Struct, frozen=True, kw_only=True):
    """What a token bucket said. ``retry_after_seconds`` is 0 when the request may pass."""

    limit: int
    remaining: int
    reset_seconds: float
    retry_after_seconds: float


class RateLimiter(Protocol):
    """Token buckets (asyncio)."""

    async def take(self, caller: str, cost: int = 1) -> Allowance:
        """Take from the caller's bucket. Raises StoreUnavailable: closed, not open, when Redis is down."""


class Inbox(Protocol):
    """What was sent to a running job, for the thread that runs it."""

    def fileno(self) -> int:
        """Readable when take() has something: goes into a selector."""

    def take(self, most_bytes: int) -> list[Input]:
        """What is there, without blocking, with at most this much stdin; the rest stays for later. Cancels are never
        held back."""


class SandboxReport(msgspec.Struct, frozen=True, kw_only=True):
    """What came out of the sandbox: every phase that ran, and the version of the language it ran with."""

    phases: tuple[PhaseReport, ...]
    version: str | None


class Sink(Protocol):
    """Where a sandbox puts what happens while it runs. A call may block: that is the back-pressure on the program."""

    def phase(self, name: str) -> None:
        """A phase begins."""

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
