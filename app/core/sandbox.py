"""The interface between the worker and a sandbox: the container sandbox and the sandbox of the tests implement it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from app.core.artifacts import Artifact
from app.core.events import Output
from app.core.job_input import Input
from app.core.languages import LanguageInfo
from app.core.outcomes import PhaseReport
from app.core.spec import JobSpec

__all__ = ["Inbox", "Sandbox", "SandboxReport", "Sink"]


class SandboxReport(msgspec.Struct, frozen=True, kw_only=True):
    """What came out of the sandbox: every phase that ran, and the version of the language it ran with."""

    phases: tuple[PhaseReport, ...]
    version: str | None
    artifacts: tuple[Artifact, ...] = ()
    artifacts_incomplete: bool = False


class Inbox(Protocol):
    """What was sent to a running job, for the thread that runs it."""

    def fileno(self) -> int:
        """Readable when take() has something: goes into a selector."""

    def take(self, most_bytes: int) -> list[Input]:
        """What is there, without blocking, with at most this much stdin; the rest stays for later. What is not
        stdin or its end is never held back, and comes first."""


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
