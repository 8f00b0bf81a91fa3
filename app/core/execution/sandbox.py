"""The interface between a worker and its sandbox.

app/sandbox/ implements `Sandbox` with containers; the tests implement it with a scripted sandbox.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from app.core.execution.budget import JobBudget
from app.core.job.events import Output
from app.core.job.job_input import Input
from app.core.job.results import Artifact
from app.core.job.spec import JobSpec
from app.core.languages import LanguageInfo
from app.core.outcomes import PhaseReport, StopReason

__all__ = ["Inbox", "Sandbox", "SandboxReport", "Sink"]


class SandboxReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a sandbox reports after a job.

    Attributes:
        phases: The phases that ran.
        version: Version of the language.
        artifacts: The files that the program left. With ``compile_only``, all files in its working folder.
        artifacts_incomplete: Whether requested files are missing.
        exhausted: The total limit of the job because of which the last phase was stopped or phases did not run,
            WALL_TIME or CPU_TIME. NONE if all phases ran.
    """

    phases: tuple[PhaseReport, ...]
    version: str | None
    artifacts: tuple[Artifact, ...] = ()
    artifacts_incomplete: bool = False
    exhausted: StopReason = StopReason.NONE


class Inbox(Protocol):
    """Input for a running job. The thread that runs the job reads it."""

    def fileno(self) -> int:
        """Return a file descriptor that is readable when `take` has input."""

    def take(self, max_bytes: int) -> list[Input]:
        """Return the available input without blocking.

        Args:
            max_bytes: Maximum amount of stdin; the rest stays for the next call. Other input is not limited and comes
                first.
        """


class Sink(Protocol):
    """Receives the events of a running job. A call may block, which stops reading from the program."""

    def phase(self, name: str, test: str | None = None) -> None:
        """Report the start of a phase.

        Args:
            name: Name of the phase.
            test: Name of the test, for a test phase.

        Raises:
            OwnershipLost: Another worker owns the job; the sandbox must stop at once.
        """

    def output(self, chunks: Sequence[Output]) -> None:
        """Report output in the order in which it was written.

        Raises:
            OwnershipLost: Another worker owns the job; the sandbox must stop at once.
        """

    def flush(self) -> None:
        """Report that nothing has followed the last phase or output for a few milliseconds.

        A sink that collects what it received writes it now.

        Raises:
            OwnershipLost: Another worker owns the job; the sandbox must stop at once.
        """

    def end_phase(self, report: PhaseReport) -> None:
        """Report the end of a phase, after its output. The next phase has not started."""

    def hold_test(self) -> None:
        """Report that the next test of a job with ``hold_tests`` waits for START_TEST. Called once for each test."""


class Sandbox(Protocol):
    """Runs each job in a new isolated environment."""

    def run(
        self,
        job_id: str,
        attempt: int,
        spec: JobSpec,
        sink: Sink,
        inbox: Inbox,
        on_acquired: Callable[[], None] = lambda: None,
        caller: str | None = None,
        budget: JobBudget | None = None,
    ) -> SandboxReport:
        """Run a job. Blocks until the job has ended.

        Args:
            job_id: For the log only, like `attempt`.
            attempt: Number of the attempt.
            spec: The checked job. With ``compile_only``, only its compile phase runs; if its language has none, the
                report has no phase.
            sink: Receives phases and output.
            inbox: Supplies input.
            on_acquired: Called once when the environment is ready, before anything of the job is sent to it.
            caller: The account that submitted the job. None if it is not known.
            budget: The budget that it shares with other sandboxes. Default: one with the ``total_limits`` of the job.

        Raises:
            InfrastructureError: The job could not be run, or how it ended is unknown. Never the program's fault. If
                `on_acquired` was not called, the host could not provide an environment, and nothing of the job ran. If
                it is SandboxUnavailable, at most the compile phase ran.
        """

    def compilation_key(self, spec: JobSpec) -> str | None:
        """Return a digest of all that the compile phase of a job depends on: files, command, limits and image.

        None if the job has no compile phase or its image is not installed.
        """

    def installed(self) -> Sequence[LanguageInfo]:
        """Return the languages that can be run, with the versions that their images report."""
