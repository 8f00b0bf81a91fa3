"""A sandbox that checks after each job that its time limits were kept."""

from __future__ import annotations

from dataclasses import dataclass

from app.core.job.spec import JobSpec
from app.sandbox.runner.execution_plan import plan_execution
from tests.patience import patient
from tests.sandbox.in_memory_inbox import InMemoryInbox
from tests.sandbox.sandbox_fixture import JobRun, RecordingSink, SandboxFixture

__all__ = ["BoundedSandbox"]

# Measured by the worker from the start of the program to its result, without the creation of the container. The design
# permits two seconds; a fork bomb on an overloaded machine takes 0.2 s.
SLACK_SECONDS = patient(2.0)


@dataclass
class BoundedSandbox(SandboxFixture):
    """Runs jobs and asserts that each ends within its limits plus SLACK_SECONDS."""

    def run(self, spec: JobSpec, sink: RecordingSink | None = None, inbox: InMemoryInbox | None = None) -> JobRun:
        ran = super().run(spec, sink, inbox)
        limits = plan_execution(spec, self.language(spec.language)).phases[len(ran.phases) - 1]
        assert ran.last_phase_seconds < limits.wall_ms / 1000 + SLACK_SECONDS
        assert ran.last.cpu_seconds < limits.cpu_ms / 1000 + SLACK_SECONDS
        return ran
