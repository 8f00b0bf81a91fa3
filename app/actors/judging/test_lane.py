"""A lane: a sandbox in which tests of a job run one after the other, and another one for their checker."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Final

import msgspec

from app.actors.job_sandbox import JobSandbox
from app.actors.judging.checker_compiler import CheckerCompiler
from app.actors.judging.checker_session import CheckerEvents, CheckerSession
from app.actors.judging.interaction import Interaction
from app.actors.judging.test_queue import NoTest, TestQueue
from app.core.execution.budget import JobBudget
from app.core.execution.checker_job import CheckResult, create_checker_job, encode_check
from app.core.execution.job_judge import JobJudge
from app.core.execution.sandbox import SandboxReport, Sink
from app.core.job.events import Output, Stream
from app.core.job.job_input import Input, InputKind
from app.core.job.spec import JobSpec
from app.core.judging.cases import CaseSpec
from app.core.outcomes import COMPILE, TEST, PhaseReport
from app.store.jobs.job_input import JobInbox

__all__ = ["LaneContext", "TestLane"]

_CANCEL_POLL_SECONDS: Final = 0.2
# How long the last output waits to be written together with the result.
_FLUSH_SECONDS: Final = 0.05


@dataclass(frozen=True)
class LaneContext:
    """What the lanes of a job have in common.

    Attributes:
        sandbox: Runs the program and its checker.
        judge: Judges the tests.
        queue: The tests that have not started.
        checker_compiler: Compiles the checker.
        checker_budget: The time of all phases of the checker together.
        budget: The same for the program. None if the job has one lane.
        on_judged: Called with the name of each test that has a verdict, or needs none.
        must_end: Returns whether the lane must end instead of starting another test.
    """

    sandbox: JobSandbox
    judge: JobJudge
    queue: TestQueue
    checker_compiler: CheckerCompiler
    checker_budget: JobBudget
    budget: JobBudget | None = None
    on_judged: Callable[[str], None] = lambda test: None
    must_end: Callable[[], bool] = lambda: False


class TestLane:
    """Runs a job in one sandbox and judges its tests while they run. It is the sink of the sandbox.

    If the tests are held (``hold_tests``), each starts after the previous one was judged: the next one of the queue,
    whatever its name is in ``spec``. Otherwise the tests of ``spec`` run one after the other. The threads of the
    program and of the checker call the lane.

    Args:
        context: What the lanes of the job have in common.
        spec: What runs in the sandbox.
        sink: Receives phases and output of the program.
        inbox: Supplies input of the program.
        example: A test with the arguments and limits of all tests of the lane. None if it runs all tests of the job.
        hides_compilation: Whether the compile phase is not reported, because an earlier one was.

    Attributes:
        phases: The phases that have ended, with the names of the tests of the job.
    """

    __test__ = False  # for pytest

    def __init__(
        self,
        context: LaneContext,
        spec: JobSpec,
        sink: Sink,
        inbox: JobInbox,
        *,
        example: CaseSpec | None = None,
        hides_compilation: bool = False,
    ) -> None:
        self.phases: list[PhaseReport] = []
        self._context = context
        self._spec = spec
        self._sink = sink
        self._inbox = inbox
        self._hides_compilation = hides_compilation
        self._example = example
        self._cases = {case.name: case for case in spec.tests}
        self._case: CaseSpec | None = None
        self._output: bytearray | None = None
        self._lock = threading.Lock()
        self._is_holding = self._is_judging = self._is_hidden = False
        self._interaction = None if spec.interactor is None else Interaction(inbox, self._record_check)
        self._checker = self._create_checker()

    def run(self, on_acquired: Callable[[], None]) -> SandboxReport:
        """Run the program, and its checker until it has judged the last test.

        Args:
            on_acquired: See `Sandbox.run`.

        Returns:
            The report of the sandbox of the program.

        Raises:
            InfrastructureError: See `Sandbox.run`; also for the sandbox of the checker.
        """

        def start() -> None:
            on_acquired()
            if self._checker is not None:
                self._checker.start()

        with self._checker or nullcontext():
            report = self._context.sandbox.run(self._prepare_spec(), self, self._inbox, start, self._context.budget)
            self._wait_for_checker()
        if self._checker is not None:
            self._checker.raise_error()
        return report

    def resume(self) -> None:
        """Start the next test, if the lane waits for one."""
        self._start_next_test()

    def cancel_after_failure(self) -> None:
        """Stop a test whose result will be discarded, because an earlier one has failed."""
        case = self._case
        if case is not None and not self._context.judge.may_start(case.name):
            self.cancel()

    def cancel(self) -> None:
        """Stop the lane."""
        self._inbox.put(Input(InputKind.CANCEL))

    def phase(self, name: str, test: str | None = None) -> None:
        """Pass on the start of a phase."""
        if name == TEST and not self._spec.hold_tests and test is not None:
            self._case = self._cases[test]
        case = self._case if name == TEST else None
        self._output = None if case is None or not self._context.judge.needs_output(case.name) else bytearray()
        self._is_hidden = name == COMPILE and self._hides_compilation
        if not self._is_hidden:
            self._sink.phase(name, test if case is None else case.name)

    def output(self, chunks: Sequence[Output]) -> None:
        """Pass on output. Raises OwnershipLost and InfrastructureError."""
        if self._is_hidden:
            return
        if self._interaction is not None:
            self._interaction.send_to_interactor(chunks)
        elif self._output is not None:
            for chunk in chunks:
                if chunk.stream is Stream.STDOUT:
                    self._output += chunk.data
        self._sink.output(chunks)

    def flush(self) -> None:
        """Pass on that nothing follows at once. Raises OwnershipLost and InfrastructureError."""
        self._sink.flush()

    def end_phase(self, report: PhaseReport) -> None:
        """Judge a test, unless a checker or interactor does so later."""
        if self._is_hidden:
            return
        case = self._case if report.name == TEST else None
        if case is not None:
            report = msgspec.structs.replace(report, test=case.name)
        self.phases.append(report)
        self._sink.end_phase(report)
        if case is not None:
            self._judge(case, report)

    def hold_test(self) -> None:
        """Start the next test, as soon as the previous one was judged."""
        with self._lock:
            self._is_holding = True
        self._start_next_test()

    def _judge(self, case: CaseSpec, report: PhaseReport) -> None:
        output, self._output = self._output or bytearray(), None
        needs_checker = self._context.judge.end_test(report, output)
        if self._interaction is not None:
            self._is_judging = True
            self._interaction.end_program(report)
        elif needs_checker and self._checker is not None:
            self._is_judging = True
            self._checker.check(encode_check(case, bytes(output)))
        else:
            self._context.on_judged(case.name)

    def _prepare_spec(self) -> JobSpec:
        """Return what runs in the sandbox. The stdin of a held test follows with START_TEST, or from its interactor."""
        if not self._spec.hold_tests:
            return self._spec
        tests = tuple(msgspec.structs.replace(test, stdin=b"") for test in self._spec.tests)
        is_interactive = self._spec.interactive or self._interaction is not None
        return msgspec.structs.replace(self._spec, tests=tests, interactive=is_interactive)

    def _create_checker(self) -> CheckerSession | None:
        interaction = self._interaction
        checker = self._spec.checker if interaction is None else self._spec.interactor
        if checker is None:
            return None
        if interaction is None:
            events = CheckerEvents(self._record_current_check, self.cancel)
        else:
            events = CheckerEvents(
                interaction.end_interactor, self.cancel, interaction.start_program, interaction.send_to_program
            )
        job = create_checker_job(
            checker, len(self._spec.tests), self._spec.total_limits, is_interactor=interaction is not None
        )
        session = CheckerSession(
            self._context.sandbox,
            job,
            checker.style,
            events,
            self._context.checker_compiler,
            self._context.checker_budget,
        )
        if interaction is not None:
            interaction.session = session
        return session

    def _record_current_check(self, result: CheckResult, failure: str | None) -> None:
        assert self._case is not None
        self._record_check(self._case.name, result, failure)

    def _record_check(self, test: str, result: CheckResult, failure: str | None) -> None:
        """Record the result of a test, then start the next one. The thread of the checker or of the program calls it.

        Args:
            test: The test.
            result: The result.
            failure: Why the checker cannot run any more, None if it can.
        """
        self._context.judge.record_check(test, result)
        if failure is not None:
            self._context.judge.fail_checker(failure)
        self._context.on_judged(test)
        with self._lock:
            self._is_judging = False
        self._start_next_test()

    def _start_next_test(self) -> None:
        with self._lock:
            if not self._is_holding or self._is_judging:
                return
            case = NoTest.END if self._context.must_end() else self._context.queue.take(self._example)
            if case is NoTest.WAIT:
                return
            self._is_holding = False
            if case is NoTest.END:
                self.cancel()
                return
            self._case = case
        if self._interaction is None:
            self._inbox.put(Input(InputKind.START_TEST, contents=(case.stdin,)))
        else:
            self._interaction.start_test(case)

    def _wait_for_checker(self) -> None:
        """Wait until the last test is judged, unless the job is cancelled."""
        if self._checker is None or self._checker.wait(_FLUSH_SECONDS):
            return
        # The sandbox of the program has ended and calls the sink no more.
        self._sink.flush()
        while not self._inbox.is_cancelled and not self._checker.wait(_CANCEL_POLL_SECONDS):
            pass
