"""The host side of a cell, with a scripted cell: it must not accept anything but the answer of PID 1."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from app.core.errors import InfrastructureError, ProtocolError, SandboxLost
from app.sandbox.cells.cell import Cell, CellSpec
from app.sandbox.cells.protocol import Clean, decode_reports, encode_accepted, encode_job
from app.sandbox.container import Container
from app.sandbox.images.installed import InstalledImage
from app.sandbox.resources import ContainerResources
from app.sandbox.runner.frames import PROTOCOL_VERSION, LimitsResult, LimitsSet

STDOUT, STDERR = 1, 2
CLEAN = struct.pack(">BIBBB", 0x8C, 3, PROTOCOL_VERSION, 1, 1)
READY = struct.pack(">BIB", 0x81, 1, PROTOCOL_VERSION)
FAULT = struct.pack(">BI", 0x88, 6) + b"reason"
DONE = struct.pack(">BIBBB", 0x87, 3, 0, 0, 0)
RESOURCES = ContainerResources(256 << 20, 64, 64 << 20, 10**9)
JOB_BYTES = 5 + 48


class ScriptedCell:
    """The engine's end of the connection to a cell."""

    def __init__(self) -> None:
        host, self.engine = socket.socketpair()
        host.setblocking(False)
        spec = CellSpec(InstalledImage("bash", "5", "", "", "sha256:0"), RESOURCES, {}, "", 21_000, 21_001, False)
        self.cell = Cell(None, spec, "0" * 64, host)
        self.cell._clean = None

    def write(self, stream: int, data: bytes) -> None:
        self.engine.sendall(struct.pack(">BxxxI", stream, len(data)) + data)

    def read(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            data += self.engine.recv(size - len(data))
        return data

    def start_job(self, *answers: tuple[int, Callable[[bytes], bytes]]) -> None:
        """Start a job in the cell, which gives the answers. They depend on the nonce."""
        self.cell.start_job(RESOURCES, RESOURCES)
        self.cell.send(b"")
        nonce = self.read(JOB_BYTES)[5:21]
        for stream, answer in answers:
            self.write(stream, answer(nonce))
        self.cell.receive()


@pytest.fixture
def scripted() -> Iterator[ScriptedCell]:
    scripted = ScriptedCell()
    with closing(scripted.engine), closing(scripted.cell):
        yield scripted


def accept_and_be_ready(nonce: bytes) -> bytes:
    return encode_accepted(nonce) + READY


def test_cell_accepts_a_job_after_its_nonce(scripted: ScriptedCell) -> None:
    scripted.write(STDERR, CLEAN)

    scripted.start_job((STDOUT, accept_and_be_ready))

    assert scripted.cell.jobs == 1
    assert scripted.cell.is_ready


def test_cell_gets_a_job_together_with_the_first_frames_for_its_runner(scripted: ScriptedCell) -> None:
    scripted.write(STDERR, CLEAN)
    scripted.cell.start_job(RESOURCES, RESOURCES)

    assert scripted.cell.send(b"frames") == len(b"frames")

    assert scripted.engine.recv(1000)[JOB_BYTES:] == b"frames"
    assert not scripted.cell.is_ready


def test_job_is_sent_completely_when_the_connection_accepts_few_bytes(
    scripted: ScriptedCell, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted.write(STDERR, CLEAN)
    scripted.cell.start_job(RESOURCES, RESOURCES)
    send = Container.send
    monkeypatch.setattr(Container, "send", lambda self, data: send(self, data[:7]))

    scripted.cell._send_all(b"frames for the runner")

    assert scripted.read(JOB_BYTES + 21)[JOB_BYTES:] == b"frames for the runner"


@pytest.mark.parametrize(
    "forged",
    [
        lambda nonce: READY,
        lambda nonce: READY + encode_accepted(nonce) + READY,
        lambda nonce: encode_accepted(bytes(16)) + READY,
        lambda nonce: encode_accepted(nonce[:15] + bytes([nonce[15] ^ 1])) + READY,
        lambda nonce: CLEAN + encode_accepted(nonce) + READY,
        lambda nonce: encode_accepted(nonce) * 2 + READY,
        lambda nonce: encode_accepted(nonce) + READY * 2,
        lambda nonce: b"\0",
    ],
)
def test_cell_refuses_output_of_an_earlier_job_before_or_instead_of_the_nonce(
    scripted: ScriptedCell, forged: Callable[[bytes], bytes]
) -> None:
    scripted.write(STDERR, CLEAN)

    with pytest.raises(ProtocolError):
        scripted.start_job((STDOUT, forged))


def test_cell_gets_no_nonce_before_it_is_clean(scripted: ScriptedCell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.sandbox.cells.cell.READY_TIMEOUT_SECONDS", 0.1)
    scripted.engine.setblocking(False)

    with pytest.raises(SandboxLost, match="not clean within"):
        scripted.cell.start_job(RESOURCES, RESOURCES)

    with pytest.raises(BlockingIOError):
        scripted.engine.recv(1)


def test_clean_on_stdout_is_refused(scripted: ScriptedCell) -> None:
    """Only PID 1 has stderr: a job that controls its runner can write to stdout."""
    scripted.write(STDOUT, CLEAN)

    with pytest.raises(ProtocolError, match="output between two jobs"):
        scripted.cell.start_job(RESOURCES, RESOURCES)


@pytest.mark.parametrize(
    "frames", [[(STDOUT, READY)], [(STDERR, CLEAN)], [(STDERR, b"\x05" + bytes(8))], [(STDERR, FAULT), (STDOUT, b"x")]]
)
def test_idle_cell_that_sends_anything_is_not_alive(scripted: ScriptedCell, frames: list[tuple[int, bytes]]) -> None:
    scripted.write(STDERR, CLEAN)
    assert scripted.cell.is_alive()

    for stream, data in frames:
        scripted.write(stream, data)

    assert not scripted.cell.is_alive()


def test_cell_that_has_ended_is_not_alive(scripted: ScriptedCell) -> None:
    scripted.write(STDERR, CLEAN)
    scripted.engine.close()

    assert not scripted.cell.is_alive()


def test_reason_of_a_cell_that_ends_is_reported(scripted: ScriptedCell) -> None:
    scripted.write(STDERR, FAULT)
    scripted.engine.close()

    with pytest.raises(SandboxLost, match="reason"):
        scripted.cell.start_job(RESOURCES, RESOURCES)


def test_cell_is_reused_only_after_the_last_frame_of_its_runner(scripted: ScriptedCell) -> None:
    scripted.write(STDERR, CLEAN)
    scripted.start_job((STDOUT, accept_and_be_ready))
    assert not scripted.cell.can_be_reused

    scripted.write(STDOUT, DONE)
    scripted.cell.receive()

    assert scripted.cell.can_be_reused
    scripted.cell.end_job([b"rest"])
    assert scripted.read(9) == b"rest" + b"\x0b" + bytes(4)


def test_output_after_the_end_of_a_job_is_refused(scripted: ScriptedCell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.sandbox.cells.cell._CLEAN_TIMEOUT_SECONDS", 0.1)
    scripted.write(STDERR, CLEAN)
    scripted.start_job((STDOUT, lambda nonce: accept_and_be_ready(nonce) + DONE))
    scripted.cell.end_job([])

    scripted.write(STDOUT, b"late")
    scripted.write(STDERR, CLEAN)

    assert not scripted.cell.is_alive()
    with pytest.raises(InfrastructureError):
        scripted.cell.start_job(RESOURCES, RESOURCES)


def test_reports_split_at_any_byte_are_decoded() -> None:
    data = CLEAN + FAULT
    for cut in range(len(data)):
        first, rest = decode_reports(data[:cut])
        second, rest = decode_reports(rest + data[cut:])

        assert ([*first, *second], rest) == ([Clean(1, True), "reason"], b"")


@pytest.mark.parametrize(
    "data",
    [b"runner: cannot", b"\x8c\0\0\0\2\3\1", b"\x8c\0\0\0\3\2\1\1", b"\x8c\0\0\0\3\3\3\1", b"\x8c\0\0\0\3\3\1\2"],
)
def test_malformed_reports_are_refused(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        decode_reports(data)


def test_job_message_contains_both_limits() -> None:
    program = ContainerResources(128 << 20, 32, 64 << 20, 10**9)

    message = encode_job(bytes(range(16)), RESOURCES, program)

    assert message[:5] == b"\x0d\0\0\0\x30"
    assert struct.unpack(">QQIQI", message[21:]) == (64 << 20, 256 << 20, 64, 128 << 20, 32)


def test_limits_set_is_decoded_only_between_phases(scripted: ScriptedCell) -> None:
    end: Any = struct.pack(">BIBBBBI8Q", 0x86, 72, 0, 2, 0, 0, 2, *[0] * 8)
    limits_set = struct.pack(">BIB", 0x8B, 1, 1)
    scripted.write(STDERR, CLEAN)
    scripted.start_job((STDOUT, lambda nonce: accept_and_be_ready(nonce)))

    scripted.write(STDOUT, end + limits_set)

    events = scripted.cell.receive()
    assert events is not None
    assert events[-1] == LimitsSet(LimitsResult.MEMORY_IN_USE)
    scripted.write(STDOUT, struct.pack(">BIB", 0x82, 1, 1) + limits_set)
    with pytest.raises(ProtocolError):
        scripted.cell.receive()
