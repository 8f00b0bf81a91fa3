"""Where attacks are run: an sandbox in which every job has to be over in time, whatever it does."""

from __future__ import annotations

from dataclasses import dataclass

from app.core.spec import JobSpec
from app.sandbox.runner.execution_plan import plan_execution
from tests.sandbox.in_memory_inbox import InMemoryInbox
from tests.sandbox.sandbox_fixture import JobRun, RecordingSink, SandboxFixture

__all__ = ["Pit"]

# By the worker's clock, from a program's begin to its result: what it waits for before, an engine that makes its
# container, is no doing of its own. Two seconds are the design's; a fork bomb on an overloaded machine takes 0.2.
SLACK_SECONDS = 2.0


@dataclass
class Pit(SandboxFixture):
    """Every job ends within its limits, and two seconds."""

    def run(self, spec: JobSpec, sink: RecordingSink | None = None, inbox: InMemoryInbox | None = None) -> JobRun:
        ran = super().run(spec, sink, inbox)
        limits = plan_execution(spec, self.language(spec.language)).phases[len(ran.phases) - 1]
        assert ran.last_phase_seconds < limits.wall_ms / 1000 + SLACK_SECONDS
        assert ran.last.cpu_seconds < limits.cpu_ms / 1000 + SLACK_SECONDS
        return ran
