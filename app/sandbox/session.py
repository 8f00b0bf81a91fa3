"""Session of one job with its runner: sends the execution plan and stdin, receives output and reports."""

from __future__ import annotations

import errno
import math
import os
import selectors
import signal
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from typing import Final

import structlog

from app.core.errors import InfrastructureError, ProtocolError, SandboxLost, SandboxUnavailable
from app.core.execution.budget import JobBudget
from app.core.execution.sandbox import Inbox, SandboxReport, Sink
from app.core.files import Content
from app.core.job.events import Output
from app.core.job.job_input import InputKind
from app.core.job.spec import JobSpec, TerminalSize
from app.core.outcomes import PhaseReport, StopReason
from app.sandbox.container import READY_TIMEOUT_SECONDS, Container, UpdateResult
from app.sandbox.images.catalogue import Language
from app.sandbox.resources import ContainerResources
from app.sandbox.runner import encoder, frames
from app.sandbox.runner.artifact_collector import ArtifactCollector
from app.sandbox.runner.execution_plan import COMPILED_FILES, plan_execution
from app.sandbox.runner.heap_report import HeapReportDetector
from app.sandbox.runner.outgoing_frames import OutgoingFrames
from app.sandbox.runner.phase_reports import convert_phase_end, has_passed, report_oom_kill
from app.sandbox.runner.stdin_feed import StdinFeed

__all__ = ["RunnerSession"]

# The runner ends a phase at its limit. If it does not report the end within this time, the sandbox is lost.
_GRACE_SECONDS: Final = 5.0
# How long the sink may collect the start of a phase and output, so that a short job is written in one step. What a
# terminal shows must follow each key at once.
_PHASE_FLUSH_SECONDS: Final = 0.05
_OUTPUT_FLUSH_SECONDS: Final = 0.005
_log = structlog.get_logger(__name__)


class RunnerSession:
    """Runs one job in a container whose runner is ready. Uses one thread.

    Args:
        container: The container. The caller closes the attribute ``container`` after the session.
        spec: The job.
        language: The language of the job.
        sink: Receives phases and output in their order. While it blocks, nothing is read from the runner.
        inbox: Supplies stdin, signals, terminal sizes and the request to cancel.
        program_resources: Resources of the container from the end of the compile phase on. None if they do not change.
        launch: Launches another container of the language. It is called if the engine refuses to change the resources.
        budget: See ``Sandbox.run``.

    Attributes:
        container: The container in which the job runs.
    """

    def __init__(
        self,
        container: Container,
        spec: JobSpec,
        language: Language,
        sink: Sink,
        inbox: Inbox,
        program_resources: ContainerResources | None = None,
        launch: Callable[[ContainerResources], Container] | None = None,
        budget: JobBudget | None = None,
    ) -> None:
        self.container = container
        self._launch = launch
        self._spec = spec
        self._sink = sink
        self._inbox = inbox
        self._program_resources = program_resources
        self._plan = plan_execution(spec, language, hold_program=program_resources is not None)
        self._heap_report = HeapReportDetector(language, spec)
        self._reports: list[PhaseReport] = []
        self._outgoing = OutgoingFrames(self._plan.encode())
        # The next phase, until its GO frame is sent. None while the runner starts phases by itself.
        self._held_phase: int | None = 0
        self._reported_hold: int | None = None
        # Of the tests that may start: what follows their stdin.
        self._startable_tests: deque[tuple[Content, ...]] = deque()
        self._stdin = StdinFeed.for_job(spec)
        # A container keeps the stdin that was sent to it. Another one may run the program, until its limits are set.
        self._stdin_is_held = program_resources is not None
        self._awaits_limits = False
        self._terminal_size: frames.WindowSize | None = None
        self._is_cancelled = False
        self._budget = budget or JobBudget(spec.total_limits)
        self._is_moving = False
        self._is_oom_killed = False
        self._ended_phases = 0  # in this container
        self._collector = ArtifactCollector(self._plan.artifacts)
        self._artifacts_incomplete = False
        self._phase_is_running = False
        self._flush_at = math.inf
        self._send_failed = False
        self._done = False
        self._phase_started_at = time.monotonic()
        self._deadline = 0.0
        self._extend_deadline()

    def run(self) -> SandboxReport:
        """Run the job to its end and return what each phase did.

        Raises:
            SandboxUnavailable: The host could not provide the container for the program. Only the compile phase ran.
            InfrastructureError: The end of the job is not known. If the container is not ready, nothing of it ran.
            OwnershipLost: Raised by the sink.
        """
        with selectors.DefaultSelector() as selector, closing(self._stdin):
            selector.register(self._inbox, selectors.EVENT_READ)
            self._run_plan(selector)
            if self._is_moving and not self._is_cancelled and not self._is_oom_killed:
                self._move_to_new_container()
                self._run_plan(selector)
        if self._is_moving:
            self._collector = ArtifactCollector(None)  # it contains compiled files
        artifacts, has_invalid_names = self._collector.artifacts()
        return SandboxReport(
            phases=tuple(self._reports),
            version=self.container.spec.image.version,
            artifacts=artifacts,
            artifacts_incomplete=self._artifacts_incomplete or has_invalid_names,
            exhausted=self._budget.exhausted if self._has_unfinished_phases() else StopReason.NONE,
        )

    @property
    def unsent(self) -> Iterator[bytes]:
        """The rest of the frames that were not sent before the job ended. It may start within a frame."""
        return iter(self._outgoing)

    def _run_plan(self, selector: selectors.BaseSelector) -> None:
        selector.register(self.container, selectors.EVENT_READ | selectors.EVENT_WRITE)
        self._start_held_phase()
        while not self._done:
            self._handle_ready(selector)
        selector.unregister(self.container)

    def _has_unfinished_phases(self) -> bool:
        return self._ended_phases < len(self._plan.phases) or self._reports[-1].stopped_by is self._budget.exhausted

    def _handle_ready(self, selector: selectors.BaseSelector) -> None:
        deadline = min(self._deadline, self._budget.deadline, self._flush_at)
        ready = selector.select(None if deadline == math.inf else max(0.0, deadline - time.monotonic()))
        self._flush_when_due()
        self._stop_at_total_limits()
        if not ready and time.monotonic() >= self._deadline:
            raise SandboxLost("runner did not report the end of the phase in time")
        for key, events in ready:
            if key.fileobj is self._inbox:
                self._read_inbox()
                continue
            if events & selectors.EVENT_WRITE:
                self._send()
            if events & selectors.EVENT_READ:
                self._receive()
        has_data_to_send = bool(self._outgoing) and not self._send_failed
        selector.modify(self.container, selectors.EVENT_READ | (selectors.EVENT_WRITE if has_data_to_send else 0))

    def _send(self) -> None:
        try:
            sent = self.container.send(self._outgoing.peek())
        except SandboxLost:
            # Not an error by itself: after the last frame, the runner exits without reading the rest of stdin. What
            # it has sent before decides.
            self._send_failed = True
        else:
            self._outgoing.remove(sent)
            if sent and not self._phase_is_running:
                self._extend_deadline()  # large files take a while on a slow engine

    def _receive(self) -> None:
        events = self.container.receive()
        if events is None:
            self._on_connection_ended()
            return
        outputs: list[Output] = []
        for event in events:
            if isinstance(event, Output):
                outputs.append(event)
                continue
            # The output of a phase goes to the sink before the end of the phase.
            self._pass_on(outputs)
            self._on_event(event)
        self._pass_on(outputs)

    def _pass_on(self, outputs: list[Output]) -> None:
        if not outputs:
            return
        self._heap_report.add(outputs)
        self._call_sink(partial(self._sink.output, outputs))
        outputs.clear()
        self._schedule_flush(_OUTPUT_FLUSH_SECONDS if self._spec.tty is None else 0.0)

    def _schedule_flush(self, delay_seconds: float) -> None:
        self._flush_at = min(self._flush_at, time.monotonic() + delay_seconds)

    def _flush_when_due(self) -> None:
        if time.monotonic() >= self._flush_at:
            self._flush_at = math.inf
            self._call_sink(self._sink.flush)

    def _call_sink(self, call: Callable[[], None]) -> None:
        """Call the sink. While it blocks, the session cannot read from the runner."""
        started_at = time.monotonic()
        call()
        self._deadline += time.monotonic() - started_at

    def _on_event(self, event: frames.Event) -> None:
        match event:
            case frames.Started(index):
                self._phase_started_at = time.monotonic()
                self._phase_is_running = True
                self._heap_report.start_phase()
                self._budget.start_phase(self)
                self._extend_deadline(index)
                self._sink.phase(*self._plan.names[index])
                self._schedule_flush(_PHASE_FLUSH_SECONDS)
            case frames.StdinAck(count):
                self._stdin.acknowledge(count)
                self._read_inbox()  # take the input for which there was no room before
            case frames.PhaseEnd():
                self._on_phase_end(event)
            case frames.Artifact():
                self._collector.start_file(event)
                self._extend_deadline()
            case frames.ArtifactData(data):
                self._collector.append(data)
                self._extend_deadline()
            case frames.LimitsSet(result):
                self._on_limits_set(result)
            case frames.Done():
                self._artifacts_incomplete = event.incomplete
                self._done = True
            case frames.Fault(text):
                raise ProtocolError(f"runner failed: {text}")
            case _:
                raise ProtocolError(f"runner sent {event!r} during a job")

    def _on_phase_end(self, end: frames.PhaseEnd) -> None:
        phase, name = self._phase(end.phase), self._plan.names[end.phase]
        self._phase_is_running = False
        self._ended_phases += 1
        if phase.is_test and self._spec.hold_tests:
            self._stdin.end()
        if end.ending is frames.Ending.NOT_STARTED:
            if not self._is_start_error_of_job(phase, end.value):
                raise InfrastructureError(f"cannot start {phase.argv[0]}: {os.strerror(end.value)}")
            self._sink.phase(*name)
        self._extend_deadline()
        is_heap_exhausted = not has_passed(end) and self._heap_report.is_exhausted()
        report = convert_phase_end(name, end, heap_exhausted=is_heap_exhausted)
        self._add_report(self._budget.end_phase(self, report))
        self._stop_at_total_limits()
        has_next = has_passed(end) or (phase.is_test and end.reason is not StopReason.CANCELLED)
        if has_next and self._is_held(end.phase + 1):
            self._held_phase = end.phase + 1
            self._start_held_phase()

    def _add_report(self, report: PhaseReport) -> None:
        self._reports.append(report)
        self._sink.end_phase(report)

    def _stop_at_total_limits(self) -> None:
        """Stop the job if all its phases together have reached a limit. The runner knows only the limits of each."""
        has_phases_left = self._ended_phases < len(self._plan.phases)
        if has_phases_left and not self._is_cancelled and self._budget.is_exhausted():
            self._cancel()

    def _cancel(self) -> None:
        """Stop the running phase, and start no other one."""
        self._is_cancelled = True
        self._outgoing.add(encoder.encode_cancel())
        self._deadline = min(self._deadline, time.monotonic() + _GRACE_SECONDS)

    def _is_held(self, index: int) -> bool:
        return index < len(self._plan.phases) and self._plan.phases[index].held

    def _start_held_phase(self) -> None:
        """Start the phase that the runner holds, unless it is a test for which START_TEST has not arrived."""
        if self._held_phase is None or self._awaits_limits or self._is_cancelled or self._done:
            return
        if self._awaits_start_test():
            self._extend_deadline()
            if self._reported_hold != self._held_phase:
                self._reported_hold = self._held_phase
                self._sink.hold_test()
            return
        if self._held_phase > 0 and self._stdin_is_held and not self._set_program_resources(self._held_phase):
            return
        self._outgoing.add(encoder.encode_go())
        if self._held_phase == 0 and self._terminal_size is not None:
            self._outgoing.add(encoder.encode_resize(self._terminal_size))  # another container does not know it
        if self._is_held_test():
            test = self._spec.tests[self._held_phase - len(self._plan.phases)]
            contents = (test.stdin, *self._startable_tests.popleft())
            self._stdin.add_test(contents, stays_open=self._spec.interactive)
        self._held_phase = None
        self._send_stdin()
        self._extend_deadline()

    def _is_held_test(self) -> bool:
        return self._spec.hold_tests and self._held_phase is not None and self._phase(self._held_phase).is_test

    def _awaits_start_test(self) -> bool:
        return self._is_held_test() and not self._startable_tests

    def _set_program_resources(self, index: int) -> bool:
        """Give the container the resources of the program before its first phase. Return whether it has them."""
        assert self._program_resources is not None
        try:
            result = self.container.update_resources(self._program_resources)
        except InfrastructureError as e:
            raise SandboxUnavailable(str(e)) from e
        self._on_resources_updated(index, result)
        return not self._stdin_is_held

    def _on_limits_set(self, result: frames.LimitsResult) -> None:
        """Continue after the answer of a cell."""
        if result is frames.LimitsResult.FAILED:
            raise SandboxLost("the cell cannot change its limits")
        self._awaits_limits = False
        is_applied = result is frames.LimitsResult.APPLIED
        updated = UpdateResult.APPLIED if is_applied else UpdateResult.MEMORY_IN_USE
        if not self._is_cancelled:
            self._on_resources_updated(self._ended_phases, updated)
            self._start_held_phase()

    def _on_resources_updated(self, index: int, result: UpdateResult) -> None:
        match result:
            case UpdateResult.REQUESTED:
                self._awaits_limits = True
                self._outgoing.add(encoder.encode_limits())
                self._extend_deadline()
            case UpdateResult.APPLIED:
                self._stdin_is_held = False
            case UpdateResult.MEMORY_IN_USE:
                # The compiled files already take more memory than the program may use.
                self._end_by_oom_kill(index, 0.0)
            case UpdateResult.REFUSED:
                # Either the runner answers, or the connection ends because the lower limit has killed it.
                self._is_moving = True
                self._held_phase = None
                self._extend_deadline()
                self._collector = ArtifactCollector(COMPILED_FILES)
                self._outgoing.add(encoder.encode_collect(COMPILED_FILES))

    def _move_to_new_container(self) -> None:
        """Continue the job after the compile phase in a new container, which has the resources of the program."""
        assert self._program_resources is not None
        compiled, has_invalid_names = self._collector.artifacts()
        if self._launch is None or self._artifacts_incomplete or has_invalid_names:
            raise InfrastructureError("cannot change the limits of the container, nor move its files to a new one")
        moved_from = self.container
        moved_from.close()
        try:
            self.container = self._launch(self._program_resources)
        except InfrastructureError as e:
            raise SandboxUnavailable(str(e)) from e
        _log.info("job_moved", container=moved_from.id[:12], new_container=self.container.id[:12], files=len(compiled))
        self._plan = self._plan.after_compilation(compiled)
        self._collector = ArtifactCollector(self._plan.artifacts)
        self._outgoing = OutgoingFrames(self._plan.encode())
        self._ended_phases = self._held_phase = 0
        self._send_failed = self._is_moving = self._stdin_is_held = self._done = False
        self._extend_deadline()

    def _send_stdin(self) -> None:
        if not self._stdin_is_held:
            self._outgoing.add(self._stdin.take_frames())

    def _is_start_error_of_job(self, phase: frames.PhaseSpec, error_number: int) -> bool:
        """Return whether the job, and not the image, is the reason that a phase could not start.

        It is if the job supplies the program or its PATH, or if its files are too large to be copied for each test.
        """
        is_own_program = phase.argv[0].startswith("./") or (phase.gets_stdin and "PATH" in self._spec.env)
        return is_own_program or (phase.is_test and error_number == errno.EFBIG)

    def _read_inbox(self) -> None:
        for item in self._inbox.take(self._stdin.free_bytes):
            match item.kind:
                case InputKind.CANCEL:
                    self._cancel()
                case InputKind.RESIZE if self._spec.tty is not None:
                    size = TerminalSize.unpack(item.data)
                    self._terminal_size = frames.WindowSize(size.rows, size.cols)
                    self._outgoing.add(encoder.encode_resize(self._terminal_size))
                case InputKind.SIGNAL if self._phase_is_running:
                    self._outgoing.add(encoder.encode_signal(signal.Signals[f"SIG{item.data.decode()}"]))
                case InputKind.EOF if self._spec.interactive:
                    self._stdin.end()
                case InputKind.START_TEST if self._spec.hold_tests:
                    self._startable_tests.append(item.contents)
                    self._start_held_phase()
                case InputKind.STDIN if self._spec.interactive:
                    self._stdin.add(item.data)
                case _:
                    pass  # does not apply to this job or this phase
        self._send_stdin()

    def _phase(self, index: int) -> frames.PhaseSpec:
        try:
            return self._plan.phases[index]
        except IndexError:
            raise ProtocolError(f"runner reported phase {index} of {len(self._plan.phases)}") from None

    def _extend_deadline(self, running_phase: int | None = None) -> None:
        if self._awaits_start_test():
            self._deadline = math.inf
            return
        limit_seconds = 0.0 if running_phase is None else self._phase(running_phase).wall_ms / 1000
        if not self.container.is_ready:
            limit_seconds += READY_TIMEOUT_SECONDS
        self._deadline = time.monotonic() + limit_seconds + _GRACE_SECONDS

    def _on_connection_ended(self) -> None:
        """Handle a container that ended without Done: an OOM kill of the runner, or a lost sandbox.

        The OOM kill counts as the result of the program, because the program used the memory.
        """
        if not self.container.is_ready or not self.container.was_oom_killed():
            raise SandboxLost(f"sandbox ended without a report {self.container.read_stderr()}".strip())
        wall_seconds = time.monotonic() - self._phase_started_at if self._phase_is_running else 0.0
        self._end_by_oom_kill(min(self._ended_phases, len(self._plan.names) - 1), wall_seconds)

    def _end_by_oom_kill(self, index: int, wall_seconds: float) -> None:
        name = self._plan.names[index]
        if not self._phase_is_running:
            self._sink.phase(*name)
        self._is_oom_killed = self._done = True
        self._add_report(report_oom_kill(name, wall_seconds, self.container.memory_limit_bytes))
