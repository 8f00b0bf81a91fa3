"""A runner process with the host side of its protocol, for tests."""

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

from app.core.job.events import Output, Stream
from app.sandbox.runner.decoder import FrameDecoder
from app.sandbox.runner.encoder import encode_file, encode_go, encode_phase, encode_stdin, encode_stdin_eof
from app.sandbox.runner.frames import (
    PROTOCOL_VERSION,
    STDIN_WINDOW_BYTES,
    Done,
    Event,
    Fault,
    PhaseEnd,
    PhaseSpec,
    Ready,
    StdinAck,
)

__all__ = ["Opener", "RunnerProcess", "job", "phase", "start_runner"]

TIMEOUT_S = 30


def phase(*argv: str, **changes: Any) -> PhaseSpec:
    """Return a phase with high limits. ``changes`` are fields of PhaseSpec."""
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
    """Return the frames of a job, including GO. All files are executable."""
    frames = [frame for path, data in (files or {}).items() for frame in encode_file(path, data, executable=True)]
    return b"".join([*frames, *map(encode_phase, phases), encode_go()])


@dataclass
class RunnerProcess:
    """A runner and the events that it has sent so far."""

    process: subprocess.Popen[bytes]
    decoder: FrameDecoder = field(default_factory=FrameDecoder)
    events: list[Event] = field(default_factory=list)

    def send(self, *frames: bytes) -> None:
        """Send frames. A runner that has already exited is not an error: its last event has the reason."""
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):
            self.process.stdin.write(b"".join(frames))
            self.process.stdin.flush()

    def close_stdin(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()

    def read_until(self, until: Callable[[RunnerProcess], bool], within_s: float = TIMEOUT_S) -> RunnerProcess:
        """Read events until the condition holds. Fails at the time-out, or if the runner exits first."""
        deadline = time.monotonic() + within_s
        while not until(self):
            left_s = deadline - time.monotonic()
            assert left_s > 0, f"not within {within_s} s; last events: {self.events[-5:]}"
            if not self._read_once(left_s):
                assert until(self), f"the runner has exited; last events: {self.events[-5:]}"
        return self

    def read_to_end(self, within_s: float = TIMEOUT_S) -> RunnerProcess:
        return self.read_until(lambda so_far: so_far.decoder.closed, within_s)

    def run(self, *phases: PhaseSpec, files: dict[str, bytes] | None = None) -> RunnerProcess:
        self.send(job(*phases, files=files))
        return self.read_to_end()

    def feed(self, data: bytes) -> None:
        """Send stdin and its end, within the window."""
        sent = 0
        while sent < len(data):
            self.read_until(partial(_window_has_room, sent))
            if self.decoder.closed:
                return
            chunk = data[sent : self.acknowledged + STDIN_WINDOW_BYTES]
            self.send(encode_stdin(chunk))
            sent += len(chunk)
        self.send(encode_stdin_eof())

    def _read_once(self, within_s: float) -> bool:
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
        """The end of the only phase."""
        (end,) = self.ends
        return end

    @property
    def done(self) -> Done:
        last = self.events[-1]
        assert isinstance(last, Done), f"last event: {last}"
        return last

    @property
    def fault(self) -> str:
        last = self.events[-1]
        assert isinstance(last, Fault), f"last event: {last}"
        return last.text

    def exit_status(self, within_s: float = TIMEOUT_S) -> int:
        return self.process.wait(within_s)


def _window_has_room(sent: int, so_far: RunnerProcess) -> bool:
    return sent - so_far.acknowledged < STDIN_WINDOW_BYTES or so_far.decoder.closed


Opener = Callable[..., RunnerProcess]


@contextmanager
def start_runner(command: list[str]) -> Iterator[RunnerProcess]:
    """Start a runner, wait until it is ready, and stop it at the end."""
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        runner = RunnerProcess(process)
        try:
            runner.read_until(lambda so_far: so_far.events == [Ready(PROTOCOL_VERSION)])
            yield runner
        finally:
            with suppress(BrokenPipeError):  # unsent data, for example after a fault
                runner.close_stdin()
            process.wait(TIMEOUT_S)
