"""Tests of a job in several sandboxes, at the same time or one after the other."""

from __future__ import annotations

import contextvars
import dataclasses
import threading
from collections.abc import Callable
from contextlib import closing
from typing import Final

import msgspec
import structlog

from app.actors.job_sandbox import JobSandbox
from app.actors.judging.checker_compiler import CheckerCompiler
from app.actors.judging.ordered_sink import OrderedOutput, TestSink
from app.actors.judging.sandbox_slots import JobSlots, SandboxSlots
from app.actors.judging.test_lane import LaneContext, TestLane
from app.actors.judging.test_queue import TestQueue
from app.core.errors import InfrastructureError, SandboxUnavailable
from app.core.execution.budget import JobBudget
from app.core.execution.job_judge import JobJudge
from app.core.execution.sandbox import SandboxReport, Sink
from app.core.job.spec import JobSpec
from app.core.judging.cases import CaseSpec
from app.core.judging.phase_outcomes import judge_phase
from app.core.outcomes import Outcome, PhaseReport, StopReason
from app.core.source_files import SourceFile
from app.store.jobs.job_input import JobInbox

__all__ = ["MAX_TESTS_OF_SANDBOX", "ParallelTests"]

# How soon lanes follow a cancel, a total limit, a failed test, and a slot that becomes free.
_POLL_SECONDS: Final = 0.05
#: Tests of one sandbox. The runner accepts 128 phases, of which one may be the compile phase.
MAX_TESTS_OF_SANDBOX: Final = 100
_log = structlog.get_logger(__name__)


class ParallelTests:
    """Runs the tests of a job in lanes, each of which has a sandbox for the program and another one for its checker.

    The program is compiled once. The job has one lane, and further ones in slots that no other job needs. The thread of
    the job passes on phases and output in the order of the tests; each lane has a thread of its own.

    Args:
        sandbox: Runs the program and its checker.
        spec: The checked job.
        sink: Receives phases and output of the program.
        inbox: Supplies the request to cancel.
        judge: Judges the tests.
        checker_compiler: Compiles the checker.
        slots: The slots of the worker process.
        job_slots: The slots of the job.
    """

    def __init__(
        self,
        sandbox: JobSandbox,
        spec: JobSpec,
        sink: Sink,
        inbox: JobInbox,
        judge: JobJudge,
        checker_compiler: CheckerCompiler,
        slots: SandboxSlots,
        job_slots: JobSlots,
    ) -> None:
        self._sandbox = sandbox
        self._spec = msgspec.structs.replace(spec, hold_tests=True)
        self._sink = sink
        self._inbox = inbox
        self._judge = judge
        self._slots = slots
        self._job_slots = job_slots
        self._budget = JobBudget(spec.total_limits)
        self._output = OrderedOutput(spec.tests, judge.may_report)
        self._queue = TestQueue(spec.tests, judge, self._output.has_room)
        checker_budget = JobBudget(spec.total_limits)
        self._context = LaneContext(
            sandbox, judge, self._queue, checker_compiler, checker_budget, self._budget, self._output.end_test
        )
        self._lanes: list[_LaneThread] = []
        self._acquisition = _Acquisition(lambda: None, self._output.notify)

    def run(self, on_acquired: Callable[[], None]) -> SandboxReport:
        """Run the tests and return the phases in their order.

        Args:
            on_acquired: See `Sandbox.run`. The thread of the job calls it.

        Raises:
            InfrastructureError: See `Sandbox.run`; also for the sandbox of the checker.
        """
        self._acquisition = _Acquisition(on_acquired, self._output.notify)
        compilation = self._compile()
        if compilation.phases and not self._is_compiled(compilation):
            exhausted = self._budget.exhausted
            return msgspec.structs.replace(compilation, artifacts=(), artifacts_incomplete=False, exhausted=exhausted)
        try:
            self._run_lanes()
        finally:
            self._stop_lanes()
        self._raise_error()
        self._output.close()
        self._output.forward(self._sink, 0)
        return self._create_report(compilation)

    def _compile(self) -> SandboxReport:
        spec = msgspec.structs.replace(self._spec, compile_only=True)
        report = self._sandbox.run(spec, self._sink, self._inbox, self._acquisition.complete, self._budget)
        if report.phases and not report.artifacts_incomplete:
            files = tuple(SourceFile(file.name, file.data) for file in report.artifacts)
            self._spec = msgspec.structs.replace(self._spec, compiled=files)
        return report

    def _is_compiled(self, compilation: SandboxReport) -> bool:
        is_ok = judge_phase(compilation.phases[-1]).outcome is Outcome.OK
        return is_ok and not self._inbox.is_cancelled and not self._budget.is_exhausted()

    def _run_lanes(self) -> None:
        self._start_lane()
        while any(lane.is_alive() for lane in self._lanes):
            self._acquisition.complete_if_requested()
            self._add_lanes()
            self._output.forward(self._sink, _POLL_SECONDS)
            if self._must_end():
                self._cancel_lanes()
            for lane in self._lanes:
                lane.follow()

    def _add_lanes(self) -> None:
        """Start further lanes, as long as there are tests for them and free slots."""
        running = sum(lane.is_alive() for lane in self._lanes)
        while running < self._spec.tests_parallel and self._can_grow():
            if not self._slots.take(self._job_slots):
                return
            self._start_lane()
            running += 1
        self._job_slots.is_waiting = False

    def _can_grow(self) -> bool:
        has_capacity = self._acquisition.is_complete and not any(lane.is_refused for lane in self._lanes)
        return has_capacity and bool(self._queue.find_group())

    def _must_end(self) -> bool:
        has_failed = any(lane.error is not None for lane in self._lanes)
        return has_failed or self._inbox.is_cancelled or self._budget.is_exhausted()

    def _start_lane(self) -> None:
        lane = _LaneThread(
            self._context, self._spec, self._output, self._acquisition, self._slots, self._job_slots,
            is_first=not self._lanes,
        )  # fmt: skip
        self._lanes.append(lane)
        lane.start()

    def _cancel_lanes(self) -> None:
        self._queue.clear()
        for lane in self._lanes:
            lane.cancel()

    def _stop_lanes(self) -> None:
        self._acquisition.abandon()
        self._cancel_lanes()
        for lane in self._lanes:
            lane.join()

    def _raise_error(self) -> None:
        for lane in self._lanes:
            if lane.error is not None:
                raise lane.error

    def _create_report(self, compilation: SandboxReport) -> SandboxReport:
        phases = {phase.test: phase for lane in self._lanes for phase in lane.phases if isinstance(phase.test, str)}
        names = [case.name for case in self._spec.tests if case.name in phases]
        reported = [phases[name] for name in names if self._judge.may_report(name)]
        exhausted = self._budget.exhausted
        is_complete = len(phases) == len(self._spec.tests) and all(
            phase.stopped_by is not exhausted for phase in phases.values()
        )
        versions = [compilation.version, *(lane.version for lane in self._lanes)]
        return SandboxReport(
            phases=(*compilation.phases, *reported),
            version=next((version for version in versions if version is not None), None),
            exhausted=StopReason.NONE if is_complete else exhausted,
        )


class _Acquisition:
    """Reports once that the first sandbox of a job is ready, in the thread of the job.

    Args:
        on_acquired: See `Sandbox.run`.
        wake_up: Wakes up the thread of the job.
    """

    def __init__(self, on_acquired: Callable[[], None], wake_up: Callable[[], None]) -> None:
        self._on_acquired = on_acquired
        self._wake_up = wake_up
        self._is_requested = False
        self._completed = threading.Event()

    @property
    def is_complete(self) -> bool:
        return self._completed.is_set()

    def request(self) -> None:
        """Wait until the thread of the job has reported it."""
        self._is_requested = True
        self._wake_up()
        self._completed.wait()

    def complete(self) -> None:
        if not self.is_complete:
            self._on_acquired()
            self._completed.set()

    def complete_if_requested(self) -> None:
        if self._is_requested:
            self.complete()

    def abandon(self) -> None:
        """Let the threads that wait continue. Their lanes are cancelled."""
        self._completed.set()


class _LaneThread(threading.Thread):
    """Runs lanes one after the other, until there are no tests left or another job needs the slot.

    Attributes:
        phases: The tests that have ended.
        version: Version of the language. None until a lane has ended.
        error: Why the job cannot continue.
        is_refused: Whether the host could not provide another sandbox, so that the job continues without this lane.
    """

    def __init__(
        self,
        context: LaneContext,
        spec: JobSpec,
        output: OrderedOutput,
        acquisition: _Acquisition,
        slots: SandboxSlots,
        job_slots: JobSlots,
        *,
        is_first: bool,
    ) -> None:
        target = contextvars.copy_context().run  # of the log and of the trace
        super().__init__(target=target, args=(self._run_lanes,), name="test-lane", daemon=True)
        self.phases: list[PhaseReport] = []
        self.version: str | None = None
        self.error: Exception | None = None
        self.is_refused = False
        self._context = dataclasses.replace(context, must_end=self._give_back_slot_if_needed)
        self._spec = spec
        self._output = output
        self._acquisition = acquisition
        self._slots = slots
        self._job_slots = job_slots
        self._is_first = is_first
        self._is_cancelled = self._is_slot_given_back = False
        self._lane: TestLane | None = None
        self._lock = threading.Lock()

    def cancel(self) -> None:
        """Stop the lane that runs, and start no other one."""
        with self._lock:
            self._is_cancelled = True
            if self._lane is not None:
                self._lane.cancel()

    def follow(self) -> None:
        """Adapt to what other lanes have done: end a test after a failed one, or start a test that had to wait."""
        with self._lock:
            if self._lane is not None:
                self._lane.cancel_after_failure()
                self._lane.resume()

    def _run_lanes(self) -> None:
        try:
            while group := self._context.queue.find_group():
                if self._is_cancelled or self._is_slot_given_back:
                    break
                self._run_lane(group[:MAX_TESTS_OF_SANDBOX])
        except Exception as e:  # noqa: BLE001 - the thread of the job raises it
            self.error = e
        finally:
            if not self._is_slot_given_back:
                self._slots.give_back(self._job_slots)
            self._output.notify()

    def _run_lane(self, tests: tuple[CaseSpec, ...]) -> None:
        spec = msgspec.structs.replace(self._spec, tests=tests)
        is_acquired = False

        def note_acquisition() -> None:
            nonlocal is_acquired
            is_acquired = True
            self._acquisition.request()

        with closing(JobInbox(lambda: None)) as inbox:
            lane = TestLane(
                self._context, spec, TestSink(self._output), inbox, example=tests[0], hides_compilation=True
            )
            with self._lock:
                if self._is_cancelled:
                    return
                self._lane = lane
            try:
                self.version = lane.run(note_acquisition).version
            except InfrastructureError as e:
                if is_acquired:
                    raise
                if self._is_first:
                    raise SandboxUnavailable(str(e)) from e
                self.is_refused = self._is_cancelled = True
                _log.warning("lane_refused", error=f"{type(e).__name__}: {e}")
            finally:
                with self._lock:
                    self._lane = None
                self.phases += lane.phases

    def _give_back_slot_if_needed(self) -> bool:
        if not self._is_slot_given_back:
            self._is_slot_given_back = self._slots.give_back_if_needed(self._job_slots)
        return self._is_slot_given_back
