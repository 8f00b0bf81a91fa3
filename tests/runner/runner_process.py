"""A host that talks to a real runner over real pipes, for tests."""

from __future__ import annotations

import os
import selectors
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from app.core.events import Output, Stream
from app.sandbox.runner.decoder import FrameDecoder
from app.sandbox.runner.encoder import encode_file, encode_go, encode_phase, encode_stdin, encode_stdin_eof
from app.sandbox.runner.frames import STDIN_WINDOW_BYTES, Done, Event, Fault, PhaseEnd, PhaseSpec, Ready, StdinAck

__all__ = ["Opener", "RunnerProcess", "job", "phase", "talk"]

PATIENCE_S = 30


def phase(*argv: str, **changes: Any) -> PhaseSpec:
    """A phase with roomy limits; ``changes`` are fields of PhaseSpec."""
    spec: dict[str, Any] = {
        "argv": argv,
        "env": (("PATH", "/usr/bin:/bin"),),
        "wall_ms": 20_000,
        "cpu_ms": 15_000,
        "output_bytes": 1 << 30,
        "open_files": 256,
        "file_bytes": 1 << 26,
        "stack_bytes": 8 << 20,
    }
    return PhaseSpec(**{**spec, **changes})


def job(*phases: PhaseSpec, files: dict[str, bytes] | None = None) -> bytes:
    """The frames of a whole job, GO included; every file is executable."""
    frames = [frame for path, data in (files or {}).items() for frame in encode_file(path, data, executable=True)]
    return b"".join([*frames, *map(encode_phase, phases), encode_go()])


@dataclass
class RunnerProcess:
    """One runner, and all that it has said so far."""

    process: subprocess.Popen[bytes]
    decoder: FrameDecoder = field(default_factory=FrameDecoder)
    events: list[Event] = field(default_factory=list)

    def send(self, *frames: bytes) -> None:
        """Sends; a runner that has already ended will have said why, and is no error here."""
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):
            self.process.stdin.write(b"".join(frames))
            self.process.stdin.flush()

    def hang_up(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()

    def hear(self, until: Callable[[RunnerProcess], bool], within_s: float = PATIENCE_S) -> RunnerProcess:
        """Listens until the condition holds, the runner has nothing more to say, or patience ends (that fails)."""
        deadline = time.monotonic() + within_s
        while not until(self):
            left_s = deadline - time.monotonic()
            assert left_s > 0, f"waited {within_s} s in vain; heard {self.events[-5:]}"
            if not self._hear_once(left_s):
                assert until(self), f"the runner went away; heard {self.events[-5:]}"
        return self

    def to_the_end(self, within_s: float = PATIENCE_S) -> RunnerProcess:
        return self.hear(lambda so_far: so_far.decoder.closed, within_s)

    def run(self, *phases: PhaseSpec, files: dict[str, bytes] | None = None) -> RunnerProcess:
        self.send(job(*phases, files=files))
        return self.to_the_end()

    def feed(self, data: bytes) -> None:
        """All of stdin and its end, never beyond the window."""
        sent = 0
        while sent < len(data):
            self.hear(partial(_has_room, sent))
            if self.decoder.closed:
                return
            piece = data[sent : self.acknowledged + STDIN_WINDOW_BYTES]
            self.send(encode_stdin(piece))
            sent += len(piece)
        self.send(encode_stdin_eof())

    def _hear_once(self, within_s: float) -> bool:
        assert self.process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            if not selector.select(within_s):
                return True
        data = os.read(self.process.stdout.fileno(), 1 << 20)
        self.events += self.decoder.feed(data)
        return bool(data)

    def output(self, stream: Stream) -> bytes:
        return b"".join(event.data for event in self.events if isinstance(event, Output) and event.stream is stream)

    @property
    def stdout(self) -> bytes:
        return self.output(Stream.STDOUT)

    @property
    def stderr(self) -> bytes:
        return self.output(Stream.STDERR)

    @property
    def acknowledged(self) -> int:
        return sum(event.count for event in self.events if isinstance(event, StdinAck))

    @property
    def ends(self) -> list[PhaseEnd]:
        return [event for event in self.events if isinstance(event, PhaseEnd)]

    @property
    def end(self) -> PhaseEnd:
        """The only phase's end."""
        (end,) = self.ends
        return end

    @property
    def done(self) -> Done:
        last = self.events[-1]
        assert isinstance(last, Done), f"heard {last}"
        return last

    @property
    def fault(self) -> str:
        last = self.events[-1]
        assert isinstance(last, Fault), f"heard {last}"
        return last.text

    def exit_status(self, within_s: float = PATIENCE_S) -> int:
        return self.process.wait(within_s)


def _has_room(sent: int, so_far: RunnerProcess) -> bool:
    return sent - so_far.acknowledged < STDIN_WINDOW_BYTES or so_far.decoder.closed


Opener = Callable[..., RunnerProcess]


@contextmanager
def talk(command: list[str]) -> Iterator[RunnerProcess]:
    """Starts a runner and waits until it is ready; whatever happens, it is gone afterwards."""
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        conversation = RunnerProcess(process)
        try:
            conversation.hear(lambda so_far: so_far.events == [Ready(2)])
            yield conversation
        finally:
            with suppress(BrokenPipeError):  # it had exited with something still unsent, as after a fault
                conversation.hang_up()
            process.wait(PATIENCE_S)
