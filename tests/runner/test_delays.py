"""Which frames the runner sends together, and which it does not delay."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

from app.core.job.events import Output
from app.sandbox.runner.decoder import FrameDecoder
from app.sandbox.runner.encoder import encode_stdin, encode_stdin_eof
from app.sandbox.runner.frames import Done, Event, PhaseEnd, PhaseSpec, Started, StdinAck, WindowSize
from tests.runner.runner_process import TIMEOUT_S, job, phase

MAX_MESSAGE_BYTES = 1 << 20
PRINT_TWICE = ("sh", "-c", "echo first; echo second")
PRINT_AND_WAIT = ("sh", "-c", "echo output; sleep 60")


class MessageReader:
    """Reads the messages of a runner whose stdout keeps their boundaries."""

    def __init__(self, stdin: IO[bytes], messages: socket.socket) -> None:
        self._stdin = stdin
        self._messages = messages
        self._decoder = FrameDecoder()

    def start(self, spec: PhaseSpec, *stdin: bytes) -> None:
        self._stdin.write(b"".join([job(spec), *stdin]))

    def receive(self) -> Sequence[Event]:
        """Return the events of the next message."""
        return self._decoder.feed(self._messages.recv(MAX_MESSAGE_BYTES))


@contextmanager
def message_reader(binary: Path, folder: Path) -> Iterator[MessageReader]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.settimeout(TIMEOUT_S)
    command = [binary, folder]
    with ours, theirs, subprocess.Popen(command, stdin=subprocess.PIPE, stdout=theirs, bufsize=0) as process:
        assert process.stdin is not None
        reader = MessageReader(process.stdin, ours)
        reader.receive()  # READY
        yield reader
        process.stdin.close()  # the runner kills the program and exits


@pytest.fixture
def reader(runner_binary: Path, tmp_path: Path) -> Iterator[MessageReader]:
    with message_reader(runner_binary, tmp_path) as started:
        yield started


def test_runner_sends_a_short_job_in_one_message(reader: MessageReader) -> None:
    reader.start(phase(*PRINT_TWICE))

    events = reader.receive()

    assert isinstance(events[0], Started)
    assert b"".join(event.data for event in events if isinstance(event, Output)) == b"first\nsecond\n"
    assert [type(event) for event in events[-2:]] == [PhaseEnd, Done]


def test_runner_sends_no_acknowledgement_of_its_own_after_the_end_of_stdin(reader: MessageReader) -> None:
    reader.start(phase("cat", gets_stdin=True), encode_stdin(b"some"), encode_stdin_eof())

    events = reader.receive()

    assert [type(event) for event in events if not isinstance(event, StdinAck)] == [Started, Output, PhaseEnd, Done]


def test_runner_sends_output_although_the_program_continues(reader: MessageReader) -> None:
    started_at = time.monotonic()
    reader.start(phase(*PRINT_AND_WAIT))

    events = reader.receive()

    assert [type(event) for event in events] == [Started, Output]
    assert time.monotonic() - started_at < 5


def test_runner_reports_the_start_of_a_program_without_output(reader: MessageReader) -> None:
    reader.start(phase("sleep", "60"))

    assert [type(event) for event in reader.receive()] == [Started]


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param(phase(*PRINT_AND_WAIT, gets_stdin=True), id="open stdin"),
        pytest.param(phase(*PRINT_AND_WAIT, terminal=WindowSize(24, 80)), id="terminal"),
    ],
)
def test_runner_delays_nothing_when_the_host_may_answer(reader: MessageReader, spec: PhaseSpec) -> None:
    reader.start(spec)

    assert [type(event) for event in reader.receive()] == [Started]
    assert [type(event) for event in reader.receive()] == [Output]
