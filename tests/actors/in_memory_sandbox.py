"""A sandbox without containers: a function of the test plays the program, in the thread of the worker."""

from __future__ import annotations

import select
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from app.core.execution.budget import JobBudget
from app.core.execution.sandbox import Inbox, SandboxReport, Sink
from app.core.job.events import Output
from app.core.job.job_input import Input, InputKind
from app.core.job.spec import JobSpec
from app.core.languages import LanguageInfo
from app.core.outcomes import PhaseReport, StopReason

TIMEOUT_SECONDS = 15.0


@dataclass(frozen=True)
class Run:
    """Arguments of one run."""

    attempt: int
    spec: JobSpec
    sink: Sink
    inbox: Inbox
    budget: JobBudget | None = None

    def receive(self) -> list[Input]:
        """Wait for input and return it."""
        while not (items := self.inbox.take(10**6)):
            assert select.select([self.inbox], [], [], TIMEOUT_SECONDS)[0], "nothing was sent"
        return items

    def wait_for_cancel(self) -> None:
        while all(item.kind is not InputKind.CANCEL for item in self.receive()):
            pass


Program = Callable[[Run], SandboxReport]


class FlushingSink:
    """Flushes after each event, as if nothing followed for a while."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self.flush = sink.flush
        self.end_phase = sink.end_phase
        self.hold_test = sink.hold_test

    def phase(self, name: str, test: str | None = None) -> None:
        self._sink.phase(name, test)
        self.flush()

    def output(self, chunks: Sequence[Output]) -> None:
        self._sink.output(chunks)
        self.flush()


def phase_report(exit_code: int | None = 0, stopped_by: StopReason = StopReason.NONE) -> PhaseReport:
    return PhaseReport(
        name="run",
        exit_code=exit_code,
        signal=9 if exit_code is None else None,
        stopped_by=stopped_by,
        start_error=None,
        wall_seconds=0.5,
        cpu_seconds=0.25,
        memory_peak_bytes=1000,
        oom_kills=0,
        stdout_bytes=0,
        stderr_bytes=0,
        stdout_truncated=False,
        stderr_truncated=False,
    )


def sandbox_report(*phases: PhaseReport) -> SandboxReport:
    return SandboxReport(phases=phases, version="1.0")


@dataclass
class InMemorySandbox:
    """Sandbox that calls a function.

    Attributes:
        program: Called for each run.
        runs: All runs.
        launch_errors: Raised by the next calls of ``run``, as if no container could be launched.
        on_launch: Called by each call of ``run`` while the container is launched.
        flushes: Whether each event is flushed, as if nothing followed for a while.
        compiler: Called for each compile phase in a sandbox of its own. None if there is no compiler.
        compiled_language: The language that it compiles.
    """

    program: Program
    runs: list[Run] = field(default_factory=list)
    launch_errors: list[Exception] = field(default_factory=list)
    on_launch: Callable[[], object] = lambda: None
    flushes: bool = True
    compiler: Program | None = None
    compiled_language: str = "cpp"

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
        if spec.compile_only:
            if self.compiler is None or spec.language != self.compiled_language:
                return SandboxReport(phases=(), version=None)
            on_acquired()
            return self.compiler(Run(attempt, spec, sink, inbox, budget))
        if self.launch_errors:
            raise self.launch_errors.pop(0)
        self.on_launch()
        on_acquired()
        self.runs.append(run := Run(attempt, spec, FlushingSink(sink) if self.flushes else sink, inbox, budget))
        return self.program(run)

    def compilation_key(self, spec: JobSpec) -> str | None:
        return None if self.compiler is None or spec.language != self.compiled_language else str(spec.files)

    def installed(self) -> Sequence[LanguageInfo]:
        return ()
