"""The sandboxes of one attempt of a job."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from app.core.execution.budget import JobBudget
from app.core.execution.sandbox import Inbox, Sandbox, SandboxReport, Sink
from app.core.job.spec import JobSpec

__all__ = ["JobSandbox"]


@dataclass(frozen=True)
class JobSandbox:
    """Runs the program and the checker of a job, each in a sandbox of its own.

    Attributes:
        sandbox: The sandbox of the worker.
        job_id: The job.
        attempt: Number of the attempt.
        caller: The account that submitted the job. None if it is not known.
    """

    sandbox: Sandbox
    job_id: str
    attempt: int
    caller: str | None

    def run(
        self,
        spec: JobSpec,
        sink: Sink,
        inbox: Inbox,
        on_acquired: Callable[[], None],
        budget: JobBudget | None = None,
    ) -> SandboxReport:
        """Run a program or a checker of the job. See `Sandbox.run`."""
        return self.sandbox.run(self.job_id, self.attempt, spec, sink, inbox, on_acquired, self.caller, budget)
