"""One job's talk with its runner, in one thread: the script and stdin go in, output and reports come out."""

from __future__ import annotations

import errno
import os
import selectors
import signal
import time
from typing import Final

from app.core.errors import InfrastructureError, ProtocolError, SandboxLost
from app.core.events import Output
from app.core.job_input import InputKind
from app.core.outcomes import PhaseReport
from app.core.sandbox import Inbox, SandboxReport, Sink
from app.core.spec import JobSpec
from app.core.terminals import TerminalSize
from app.sandbox.container import Container
from app.sandbox.images.catalogue import Language
from app.sandbox.runner import encoder, frames
from app.sandbox.runner.artifact_collector import Collector
from app.sandbox.runner.execution_plan import names_of, phases_of, script, wanted_back
from app.sandbox.runner.phase_reports import has_passed, killed_for_memory, report_of
from app.sandbox.runner.stdin_feed import StdinFeed
from app.sandbox.template import ContainerResources

__all__ = ["run_session"]

# The runner ends a phase at its limit by itself; when it has not said so this long after, it is not coming.
_GRACE_SECONDS: Final = 5.0


def run_session(
    container: Container,
    spec: JobSpec,
    language: Language,
    sink: Sink,
    inbox: Inbox,
    program_numbers: ContainerResources | None = None,
) -> SandboxReport:
    """Run the job to its end; return what each phase that ran did, and what they left.

    Parameters:
        program_numbers: what the container may use once the program is compiled, where that is something else.

    Raises:
        InfrastructureError: how it ended is not known.
    """
    conversation = _Conversation(container, spec, language, sink, inbox, program_numbers)
    return conversation.run()


class _Conversation:
    def __init__(
        self,
        container: Container,
        spec: JobSpec,
        language: Language,
        sink: Sink,
        inbox: Inbox,
        program_numbers: ContainerResources | None,
    ) -> None:
        self._container = container
        self._spec = spec
        self._sink = sink
        self._inbox = inbox
        self._program_numbers = program_numbers
        self._phases = phases_of(spec, language, held=program_numbers is not None)
        self._names = names_of(spec, language)
        self._reports: list[PhaseReport] = []
        self._outgoing = bytearray(b"".join(script(spec, self._phases)))
        self._stdin = StdinFeed.of(spec)
        self._collector = Collector(wanted_back(spec))
        self._artifacts_incomplete = False
        self._running = False
        self._deaf = False
        self._done = False
        self._deadline = 0.0
        self._phase_began = time.monotonic()
        self._extend_deadline()

    def run(self) -> SandboxReport:
        with selectors.DefaultSelector() as selector:
            self._selector = selector
            selector.register(self._container, selectors.EVENT_READ | selectors.EVENT_WRITE)
            selector.register(self._inbox, selectors.EVENT_READ)
            self._outgoing += self._stdin.take()
            while not self._done:
                self._step()
        return self._report()

    def _report(self) -> SandboxReport:
        artifacts, unusable = self._collector.artifacts()
        return SandboxReport(
            phases=tuple(self._reports),
            version=self._container.blueprint.image.version,
            artifacts=artifacts,
            artifacts_incomplete=self._artifacts_incomplete or unusable,
        )

    def _step(self) -> None:
        ready = self._selector.select(max(0.0, self._deadline - time.monotonic()))
        if not ready and time.monotonic() >= self._deadline:
            raise SandboxLost("the runner did not report the end of the phase in time")
        for key, events in ready:
            if key.fileobj is self._inbox:
                self._read_inbox()
                continue
            if events & selectors.EVENT_WRITE:
                self._write()
            if events & selectors.EVENT_READ:
                self._read()
        self._watch()

    def _watch(self) -> None:
        """Ask for what we can use: to write only with something to write, and to one who listens."""
        writing = selectors.EVENT_WRITE if self._outgoing and not self._deaf else 0
        self._selector.modify(self._container, selectors.EVENT_READ | writing)

    def _write(self) -> None:
        try:
            sent = self._container.send(self._outgoing)
        except SandboxLost:
            # A runner that has reported the end of the job is gone before it has heard the last of stdin. Whether it
            # was that or a loss, what it has said until now will tell.
            self._deaf = True
        else:
            del self._outgoing[:sent]

    def _read(self) -> None:
        events = self._container.receive()
        if events is None:
            self._connection_ended()
            return
        outputs: list[Output] = []
        for event in events:
            if isinstance(event, Output):
                outputs.append(event)
                continue
            # Order is kept: what was written before a phase ended is handed on before its end is.
            self._hand_on(outputs)
            self._handle(event)
        self._hand_on(outputs)

    def _hand_on(self, outputs: list[Output]) -> None:
        if not outputs:
            return
        began = time.monotonic()
        self._sink.output(outputs)
        outputs.clear()
        # While the store kept us waiting, the runner could not be heard.
        self._deadline += time.monotonic() - began

    def _handle(self, event: frames.Event) -> None:
        match event:
            case frames.Started(index):
                self._phase_began = time.monotonic()
                self._running = True
                self._extend_deadline(index)
                self._sink.phase(*self._names[index])
            case frames.StdinAck(count):
                self._stdin.acknowledged(count)
                self._read_inbox()  # what was held back for want of room
            case frames.PhaseEnd():
                self._phase_ended(event)
            case frames.Artifact():
                self._collector.begin(event)
                self._extend_deadline()
            case frames.ArtifactData(data):
                self._collector.hear(data)
                self._extend_deadline()
            case frames.Done():
                self._artifacts_incomplete = event.incomplete
                self._done = True
            case frames.Fault(text):
                raise ProtocolError(f"the runner gave up: {text}")
            case _:
                raise ProtocolError(f"the runner said {event!r} in the middle of a job")

    def _phase_ended(self, end: frames.PhaseEnd) -> None:
        phase, name = self._phase(end.phase), self._names[end.phase]
        self._running = False
        if end.ending is frames.Ending.NOT_STARTED:
            if not self._may_fail_to_start(phase, end.value):
                raise InfrastructureError(f"{phase.argv[0]} could not be started: {os.strerror(end.value)}")
            self._sink.phase(*name)
        self._reports.append(report_of(name, end))
        if has_passed(end) and self._is_held(end.phase + 1):
            self._let_go(end.phase + 1)
        self._extend_deadline()

    def _is_held(self, index: int) -> bool:
        return index < len(self._phases) and self._phases[index].held

    def _let_go(self, index: int) -> None:
        """The compiler had room of its own; from here on the job has what it asked for."""
        assert self._program_numbers is not None
        if self._container.adjust(self._program_numbers):
            self._outgoing += encoder.encode_go()
            return
        # What was compiled takes more memory than the program may have.
        self._sink.phase(*self._names[index])
        self._reports.append(killed_for_memory(self._names[index], 0.0))
        self._done = True

    def _may_fail_to_start(self, phase: frames.PhaseSpec, failure: int) -> bool:
        """What the catalogue names must be there, unless the job says where to look, or has brought it itself. What a
        compiler leaves may be more than can be kept for each test."""
        own = phase.argv[0].startswith("./") or (phase.gets_stdin and "PATH" in self._spec.env)
        return own or (phase.is_test and failure == errno.EFBIG)

    def _read_inbox(self) -> None:
        for item in self._inbox.take(self._stdin.room):
            match item.kind:
                case InputKind.CANCEL:
                    self._outgoing += encoder.encode_cancel()
                    self._deadline = min(self._deadline, time.monotonic() + _GRACE_SECONDS)
                case InputKind.RESIZE if self._spec.tty is not None:
                    self._outgoing += _resize(item.data)
                case InputKind.SIGNAL if self._running:
                    self._outgoing += encoder.encode_signal(signal.Signals[f"SIG{item.data.decode()}"])
                case InputKind.EOF:
                    self._stdin.end()
                case InputKind.STDIN if self._spec.interactive:
                    self._stdin.add(item.data)
                case _:
                    pass  # too early, or not for this job
        self._outgoing += self._stdin.take()

    def _phase(self, index: int) -> frames.PhaseSpec:
        try:
            return self._phases[index]
        except IndexError:
            raise ProtocolError(f"the runner speaks of phase {index}, there are {len(self._phases)}") from None

    def _extend_deadline(self, running: int | None = None) -> None:
        limit = self._phase(running).wall_ms / 1000 if running is not None else 0.0
        self._deadline = time.monotonic() + limit + _GRACE_SECONDS

    def _connection_ended(self) -> None:
        """No report: the container was killed. Out of memory is the program's doing, whatever the kernel picked."""
        if not self._container.was_oom_killed():
            raise SandboxLost(f"the sandbox ended without a report {self._container.last_words()}".strip())
        name = self._names[min(len(self._reports), len(self._names) - 1)]
        self._reports.append(killed_for_memory(name, time.monotonic() - self._phase_began))
        self._done = True


def _resize(data: bytes) -> bytes:
    size = TerminalSize.unpack(data)
    return encoder.encode_resize(frames.WindowSize(size.rows, size.cols))
