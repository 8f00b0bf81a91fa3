"""One job's talk with its runner, in one thread: the script and stdin go in, output and reports come out."""

from __future__ import annotations

import os
import selectors
import time
from collections import deque
from typing import Final

from app.core.errors import InfrastructureError, ProtocolError, SandboxLost
from app.core.events import Output, Stream
from app.core.outcomes import PhaseReport, StopReason
from app.core.ports import Inbox, InputKind, Sink
from app.core.spec import JobSpec
from app.sandbox import frames, protocol
from app.sandbox.container import Container
from app.sandbox.languages import Language
from app.sandbox.script import phases_of, script

__all__ = ["converse"]

# The runner ends a phase at its limit by itself; when it has not said so this long after, it is not coming.
_GRACE_SECONDS: Final = 5.0
_SIGKILL: Final = 9
_MICROSECONDS: Final = 1_000_000


def converse(container: Container, spec: JobSpec, language: Language, sink: Sink, inbox: Inbox) -> list[PhaseReport]:
    """Run the job to its end; return a report for each phase that ran.

    Raises:
        InfrastructureError: how it ended is not known.
    """
    conversation = _Conversation(container, spec, language, sink, inbox)
    return conversation.run()


class _Conversation:
    def __init__(self, container: Container, spec: JobSpec, language: Language, sink: Sink, inbox: Inbox) -> None:
        self._container = container
        self._own_env = spec.env
        self._sink = sink
        self._inbox = inbox
        self._names = language.phases
        self._phases = phases_of(spec, language)
        self._reports: list[PhaseReport] = []
        self._outgoing = bytearray(b"".join(script(spec, language)))
        self._stdin: deque[bytes] = deque([spec.stdin] if spec.stdin else [])
        self._stdin_ends = not spec.interactive
        self._eof_sent = False
        self._deaf = False
        self._window = frames.STDIN_WINDOW_BYTES
        self._done = False
        self._deadline = 0.0
        self._phase_began = time.monotonic()
        self._extend_deadline()

    def run(self) -> list[PhaseReport]:
        with selectors.DefaultSelector() as selector:
            self._selector = selector
            selector.register(self._container, selectors.EVENT_READ | selectors.EVENT_WRITE)
            selector.register(self._inbox, selectors.EVENT_READ)
            self._push_stdin()
            while not self._done:
                self._step()
        return self._reports

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
            if isinstance(event, frames.Output):
                outputs.append(Output(Stream(event.stream.value), event.data))
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
                self._extend_deadline(index)
                self._sink.phase(self._names[index])
            case frames.StdinAck(count):
                self._window += count
                self._read_inbox()  # what was held back for want of room
            case frames.PhaseEnd():
                self._phase_ended(event)
            case frames.Done():
                self._done = True
            case frames.Fault(text):
                raise ProtocolError(f"the runner gave up: {text}")
            case _:
                raise ProtocolError(f"the runner said {event!r} in the middle of a job")

    def _phase_ended(self, end: frames.PhaseEnd) -> None:
        phase, name = self._phase(end.phase), self._names[end.phase]
        if end.ending is frames.Ending.NOT_STARTED:
            # What the catalogue names must be there, unless the job says where to look, or has brought it itself.
            if not phase.argv[0].startswith("./") and not (name == "run" and "PATH" in self._own_env):
                raise InfrastructureError(f"{phase.argv[0]} could not be started: {os.strerror(end.value)}")
            self._sink.phase(name)
        self._reports.append(_report(name, end))
        self._extend_deadline()

    def _read_inbox(self) -> None:
        for item in self._inbox.take(max(0, self._window - sum(map(len, self._stdin)))):
            match item.kind:
                case InputKind.CANCEL:
                    self._outgoing += protocol.encode_cancel()
                    self._deadline = min(self._deadline, time.monotonic() + _GRACE_SECONDS)
                case InputKind.EOF:
                    self._stdin_ends = True
                case InputKind.STDIN if not self._stdin_ends:
                    self._stdin.append(item.data)
                case InputKind.STDIN:
                    pass  # after the end of the input there is none
        self._push_stdin()

    def _push_stdin(self) -> None:
        """As much as the runner has room for: what a program does not read stays here, and control frames pass."""
        while self._stdin and self._window > 0:
            data = self._stdin.popleft()
            if len(data) > self._window:
                self._stdin.appendleft(data[self._window :])
                data = data[: self._window]
            self._window -= len(data)
            self._outgoing += protocol.encode_stdin(data)
        if self._stdin_ends and not self._stdin and not self._eof_sent:
            self._eof_sent = True
            self._outgoing += protocol.encode_stdin_eof()

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
        self._reports.append(_killed_for_memory(name, time.monotonic() - self._phase_began))
        self._done = True


def _report(name: str, end: frames.PhaseEnd) -> PhaseReport:
    def value_if(ending: frames.Ending) -> int | None:
        return end.value if end.ending is ending else None

    errno = value_if(frames.Ending.NOT_STARTED)
    return PhaseReport(
        name=name,
        exit_code=value_if(frames.Ending.EXITED),
        signal=value_if(frames.Ending.SIGNALLED),
        stopped_by=StopReason[end.reason.name],
        start_error=None if errno is None else os.strerror(errno),
        wall_seconds=end.wall_us / _MICROSECONDS,
        cpu_seconds=end.cpu_us / _MICROSECONDS,
        memory_peak_bytes=end.memory_peak_bytes or end.max_rss_bytes,
        oom_kills=end.oom_kills,
        stdout_bytes=end.stdout_bytes,
        stderr_bytes=end.stderr_bytes,
        stdout_truncated=end.stdout_truncated,
        stderr_truncated=end.stderr_truncated,
    )


def _killed_for_memory(name: str, wall_seconds: float) -> PhaseReport:
    return PhaseReport(
        name=name,
        exit_code=None,
        signal=_SIGKILL,
        stopped_by=StopReason.NONE,
        start_error=None,
        wall_seconds=wall_seconds,
        cpu_seconds=0.0,
        memory_peak_bytes=0,
        oom_kills=1,
        stdout_bytes=0,
        stderr_bytes=0,
        stdout_truncated=False,
        stderr_truncated=False,
    )
