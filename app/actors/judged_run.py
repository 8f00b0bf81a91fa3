"""The run of a job in a sandbox, together with the judgement of its tests."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Final

import msgspec

from app.actors.checker_session import CheckerEvents, CheckerSession
from app.actors.interaction import Interaction
from app.core.checker_job import CheckResult, create_checker_job, encode_check
from app.core.events import Output
from app.core.job_input import Input, InputKind
from app.core.job_judge import JobJudge
from app.core.judging.groups import GroupReport
from app.core.judging.phase_outcomes import CANCELLED, judge_phases
from app.core.outcomes import Outcome, PhaseReport
from app.core.results import Artifact, ArtifactInfo, JobResult, Usage
from app.core.sandbox import Sandbox, SandboxReport, Sink
from app.core.spec import JobSpec
from app.files.content import read_content
from app.store.job_input import JobInbox

__all__ = ["JudgedRun"]

_CANCEL_POLL_SECONDS: Final = 0.2


class JudgedRun:
    """Runs one job once, and judges its tests while it runs.

    If the verdict of a test decides whether the next one runs, or if there is a checker, the tests are held: each test
    starts after the previous one was judged.

    Args:
        sandbox: Runs the program and its checker.
        job_id: The job.
        attempt: Number of the attempt.
        spec: The checked job.
        sink: Receives phases and output of the program.
        inbox: Supplies input of the program.
        caller: The account that submitted the job. None if it is not known.
    """

    def __init__(
        self,
        sandbox: Sandbox,
        job_id: str,
        attempt: int,
        spec: JobSpec,
        sink: Sink,
        inbox: JobInbox,
        caller: str | None,
    ) -> None:
        self._sandbox = sandbox
        self._job_id = job_id
        self._attempt = attempt
        self._caller = caller
        has_checker = spec.checker is not None or spec.interactor is not None
        self._spec = msgspec.structs.replace(
            _without_stdin(spec) if spec.interactor is not None else spec,
            hold_tests=spec.stop_on_first_failure or has_checker,
            interactive=spec.interactive or spec.interactor is not None,
        )
        self._sink = sink
        self._inbox = inbox
        self._judge = JobJudge(
            spec.tests,
            stop_on_first_failure=spec.stop_on_first_failure,
            has_checker=has_checker,
            read_content=read_content,
        )
        self._cases = {case.name: case for case in spec.tests}
        self._waiting_cases = list(reversed(spec.tests))
        self._lock = threading.Lock()
        self._is_holding = self._is_judging = False
        self._checked_test = ""
        self._interaction = None if spec.interactor is None else Interaction(inbox, self._record_test)
        self._checker = self._create_checker()

    def run(self, on_acquired: Callable[[], None]) -> tuple[JobResult, tuple[Artifact, ...]]:
        """Run the job and return its result with the content of its artifacts.

        Args:
            on_acquired: See `Sandbox.run`.

        Raises:
            InfrastructureError: See `Sandbox.run`; also for the sandbox of the checker.
        """

        def start() -> None:
            on_acquired()
            if self._checker is not None:
                self._checker.start()

        with self._checker or nullcontext():
            report = self._sandbox.run(self._job_id, self._attempt, self._spec, self, self._inbox, start, self._caller)
            self._wait_for_checker()
        if self._checker is not None:
            self._checker.raise_error()
        return self._create_result(report), report.artifacts

    def phase(self, name: str, test: str | None = None) -> None:
        """Pass on the start of a phase."""
        self._judge.start_phase(test)
        self._sink.phase(name, test)

    def output(self, chunks: Sequence[Output]) -> None:
        """Pass on output. Raises OwnershipLost and InfrastructureError."""
        if self._interaction is not None:
            self._interaction.send_to_interactor(chunks)
        else:
            self._judge.add_output(chunks)
        self._sink.output(chunks)

    def flush(self) -> None:
        """Pass on that nothing follows at once. Raises OwnershipLost and InfrastructureError."""
        self._sink.flush()

    def end_phase(self, report: PhaseReport) -> None:
        """Judge a test, unless a checker or interactor does so later."""
        self._sink.end_phase(report)
        output = self._judge.end_phase(report)
        if not isinstance(report.test, str):
            return
        if self._interaction is not None:
            self._is_judging = True
            self._interaction.end_program(report)
        elif output is not None and self._checker is not None:
            self._is_judging = True
            self._checked_test = report.test
            self._checker.check(encode_check(self._cases[report.test], bytes(output)))

    def hold_test(self) -> None:
        """Start the next test, as soon as the previous one was judged."""
        with self._lock:
            self._is_holding = True
        self._start_next_test()

    def _create_checker(self) -> CheckerSession | None:
        interaction = self._interaction
        checker = self._spec.checker if interaction is None else self._spec.interactor
        if checker is None:
            return None

        def cancel() -> None:
            self._inbox.put(Input(InputKind.CANCEL))

        if interaction is None:
            events = CheckerEvents(self._record_check, cancel)
        else:
            events = CheckerEvents(
                interaction.end_interactor, cancel, interaction.start_program, interaction.send_to_program
            )
        job = create_checker_job(
            checker, len(self._cases), self._spec.total_limits, is_interactor=interaction is not None
        )
        session = CheckerSession(self._sandbox, self._job_id, self._attempt, job, self._caller, checker.style, events)
        if interaction is not None:
            interaction.session = session
        return session

    def _record_check(self, result: CheckResult, failure: str | None) -> None:
        self._record_test(self._checked_test, result, failure)

    def _record_test(self, test: str, result: CheckResult, failure: str | None) -> None:
        """Record the result of a test, then start the next one. The thread of the checker or of the program calls it.

        Args:
            test: The test.
            result: The result.
            failure: Why the checker cannot run any more, None if it can.
        """
        self._judge.record_check(test, result)
        if failure is not None:
            self._judge.fail_checker(failure)
        with self._lock:
            self._is_judging = False
        self._start_next_test()

    def _start_next_test(self) -> None:
        with self._lock:
            is_ready = self._is_holding and not self._is_judging
            self._is_holding = self._is_holding and not is_ready
        if not is_ready:
            return
        if self._judge.is_stopped:
            self._inbox.put(Input(InputKind.CANCEL))
        elif self._interaction is None:
            self._inbox.put(Input(InputKind.START_TEST))
        else:
            self._interaction.start_test(self._waiting_cases.pop())

    def _wait_for_checker(self) -> None:
        """Wait for the check of the last test, unless the job is cancelled."""
        while self._checker is not None and not self._checker.wait(_CANCEL_POLL_SECONDS):
            if self._inbox.is_cancelled:
                return

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


def _without_stdin(spec: JobSpec) -> JobSpec:
    """Return the job with tests whose stdin comes from the interactor."""
    return msgspec.structs.replace(spec, tests=tuple(msgspec.structs.replace(test, stdin=b"") for test in spec.tests))


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
