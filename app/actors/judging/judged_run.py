"""The run of a job in sandboxes, together with the judgement of its tests."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import msgspec

from app.actors.job_sandbox import JobSandbox
from app.actors.judging.checker_compiler import CheckerCache, CheckerCompiler
from app.actors.judging.parallel_tests import MAX_TESTS_OF_SANDBOX, ParallelTests
from app.actors.judging.sandbox_slots import JobSlots, SandboxSlots
from app.actors.judging.test_lane import LaneContext, TestLane
from app.actors.judging.test_queue import TestQueue
from app.core.execution.budget import JobBudget
from app.core.execution.job_judge import JobJudge
from app.core.execution.sandbox import SandboxReport, Sink
from app.core.job.results import Artifact, ArtifactInfo, JobResult, Usage
from app.core.job.spec import JobSpec
from app.core.judging.groups import GroupReport
from app.core.judging.phase_outcomes import CANCELLED, judge_phases
from app.core.outcomes import Outcome, PhaseReport
from app.files.content import read_content
from app.store.jobs.job_input import JobInbox

__all__ = ["JudgedRun", "JudgingServices"]


class JudgingServices:
    """What the jobs of a worker process share.

    Args:
        count_slots: Returns the number of jobs that the process may run at the same time.

    Attributes:
        checkers: The compiled checkers.
        slots: The slots of the process.
    """

    def __init__(self, count_slots: Callable[[], int] = lambda: 1) -> None:
        self.checkers = CheckerCache()
        self.slots = SandboxSlots(count_slots)


class JudgedRun:
    """Runs one job once, and judges its tests while it runs.

    If the verdict of a test decides whether the next one runs, or if there is a checker, the tests are held: each test
    starts after the previous one was judged.

    Args:
        sandbox: Runs the program and its checker.
        spec: The checked job.
        sink: Receives phases and output of the program.
        inbox: Supplies input of the program.
        services: What the jobs of the worker process share.
        slots: The slots of the job.
    """

    def __init__(
        self,
        sandbox: JobSandbox,
        spec: JobSpec,
        sink: Sink,
        inbox: JobInbox,
        services: JudgingServices,
        slots: JobSlots,
    ) -> None:
        self._sandbox = sandbox
        self._has_checker = spec.checker is not None or spec.interactor is not None
        self._spec = spec
        self._sink = sink
        self._inbox = inbox
        self._services = services
        self._slots = slots
        self._judge = JobJudge(
            spec.tests,
            stop_on_first_failure=spec.stop_on_first_failure,
            has_checker=self._has_checker,
            read_content=read_content,
        )

    def run(self, on_acquired: Callable[[], None]) -> tuple[JobResult, tuple[Artifact, ...]]:
        """Run the job and return its result with the content of its artifacts.

        Args:
            on_acquired: See `Sandbox.run`.

        Raises:
            InfrastructureError: See `Sandbox.run`; also for the sandbox of the checker.
        """
        compiler = CheckerCompiler(self._sandbox, self._services.checkers)
        is_parallel = self._spec.tests_parallel > 1 and len(self._spec.tests) > 1
        if is_parallel or len(self._spec.tests) > MAX_TESTS_OF_SANDBOX:
            tests = ParallelTests(
                self._sandbox,
                self._spec,
                self._sink,
                self._inbox,
                self._judge,
                compiler,
                self._services.slots,
                self._slots,
            )
            report = tests.run(on_acquired)
        else:
            spec = msgspec.structs.replace(self._spec, hold_tests=self._spec.stop_on_first_failure or self._has_checker)
            queue = TestQueue(spec.tests, self._judge)
            context = LaneContext(self._sandbox, self._judge, queue, compiler, JobBudget(self._spec.total_limits))
            report = TestLane(context, spec, self._sink, self._inbox).run(on_acquired)
        return self._create_result(report), report.artifacts

    def _create_result(self, report: SandboxReport) -> JobResult:
        if not report.phases:
            # The job was cancelled before its first phase.
            return JobResult(outcome=Outcome.CANCELLED, message=CANCELLED.message, version=report.version)
        ending = judge_phases(report.phases, report.exhausted)
        tests = self._judge.create_reports(report.phases, report.exhausted)
        is_cancelled = self._inbox.is_cancelled and not self._judge.is_stopped
        if is_cancelled and ending.outcome is Outcome.OK and not self._judge.is_complete(tests):
            ending = CANCELLED  # between two tests, or during a check
        elif self._judge.checker_failure is not None:
            ending = msgspec.structs.replace(ending, message=self._judge.checker_failure)
        is_scored = ending.outcome is not Outcome.CANCELLED
        groups = self._judge.score(self._spec.groups, tests) if is_scored else ()
        return JobResult(
            outcome=ending.outcome,
            exit_code=ending.exit_code,
            signal=ending.signal,
            message=ending.message,
            usage=_usage(report.phases),
            phases=report.phases,
            tests=tests,
            artifacts=tuple(ArtifactInfo(artifact.name, len(artifact.data)) for artifact in report.artifacts),
            artifacts_incomplete=report.artifacts_incomplete,
            version=report.version,
            verdict=self._judge.judge(ending.outcome, tests),
            groups=groups,
            score=_sum_scores(groups),
        )


def _sum_scores(groups: Sequence[GroupReport]) -> float | None:
    scores = [group.score for group in groups if group.score is not None]
    return math.fsum(scores) if groups and len(scores) == len(groups) else None


def _usage(phases: Sequence[PhaseReport]) -> Usage:
    largest = max(phases, key=lambda phase: phase.memory_peak_bytes)
    return Usage(
        wall_seconds=sum(phase.wall_seconds for phase in phases),
        cpu_seconds=sum(phase.cpu_seconds for phase in phases),
        memory_peak_bytes=largest.memory_peak_bytes,
        memory_peak_source=largest.memory_peak_source,
        oom_killed=any(phase.oom_kills for phase in phases),
    )
