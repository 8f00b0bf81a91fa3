"""Protocol violations of the host: the runner reports a fault and kills the job."""

from __future__ import annotations

import struct

import pytest

from app.sandbox.runner.encoder import encode_go, encode_phase, encode_stdin, encode_stdin_eof
from app.sandbox.runner.frames import MAX_PAYLOAD, STDIN_WINDOW_BYTES, HostFrame
from tests.runner.runner_process import RunnerProcess, job, phase

SLEEP = job(phase("sleep", "60", gets_stdin=True))


def frame(kind: int, payload: bytes = b"") -> bytes:
    return struct.pack(">BI", kind, len(payload)) + payload


def raw_phase(
    flags: int = 0,
    argc: int = 1,
    envc: int = 0,
    strings: bytes = b"\0true\0",
    limits: tuple[int, ...] = (1, 1, 1, 3, 1, 1),
    size: tuple[int, int] = (0, 0),
) -> bytes:
    return frame(HostFrame.PHASE, struct.pack(">BHHIIQIQQHH", flags, *size, *limits, argc, envc) + strings)


def raw_collect(files: int = 1, count: int = 1, patterns: bytes = b"x\0") -> bytes:
    return frame(HostFrame.COLLECT, struct.pack(">BQB", files, 1, count) + patterns)


@pytest.mark.parametrize(
    ("frames", "fault"),
    [
        (b"\x03" + (MAX_PAYLOAD + 1).to_bytes(4), "frame too large"),
        (b"\xff\xff\xff\xff\xff", "frame too large"),
        (frame(0x00), "unknown frame, or not permitted before GO"),
        (frame(0x0B), "unknown frame, or not permitted before GO"),
        (frame(0x81, b"\1"), "unknown frame, or not permitted before GO"),
        (encode_stdin(b"x"), "unknown frame, or not permitted before GO"),
        (encode_stdin_eof(), "unknown frame, or not permitted before GO"),
        (frame(HostFrame.SIGNAL, b"\2"), "unknown frame, or not permitted before GO"),
        (frame(HostFrame.FILE_DATA, b"x"), "FILE_DATA without FILE"),
        (frame(HostFrame.FILE, b""), "malformed FILE"),
        (frame(HostFrame.FILE, b"\1\xa4no-nul"), "malformed FILE"),
        (frame(HostFrame.FILE, b"\xff\xffx\0"), "malformed FILE"),
        (encode_go(), "GO without a phase"),
        (encode_phase(phase("true")) + frame(HostFrame.GO, b"x"), "GO without a phase"),
        (encode_phase(phase("true")) * 129, "too many phases"),
        (raw_collect() * 2, "COLLECT twice"),
        (raw_collect(files=0), "malformed COLLECT"),
        (raw_collect(count=0, patterns=b""), "malformed COLLECT"),
        (raw_collect(count=17, patterns=b"x\0" * 17), "malformed COLLECT"),
        (raw_collect(count=2), "malformed COLLECT"),
        (raw_collect(patterns=b"\0"), "malformed COLLECT"),
        (raw_collect(patterns=b"x" * 256 + b"\0"), "malformed COLLECT"),
        (raw_collect(patterns=b"x\0y"), "malformed COLLECT"),
        (frame(HostFrame.RESIZE, b"\0\1\0\1"), "unknown frame, or not permitted before GO"),
        (frame(HostFrame.PHASE, b""), "malformed PHASE"),
        (raw_phase(flags=16), "malformed PHASE"),
        (raw_phase(flags=2), "malformed PHASE"),
        (raw_phase(flags=2, size=(1, 0)), "malformed PHASE"),
        (raw_phase(size=(1, 1)), "malformed PHASE"),
        (raw_phase(argc=0, strings=b"\0"), "malformed PHASE"),
        (raw_phase(argc=2), "malformed PHASE"),
        (raw_phase(envc=65535), "malformed PHASE"),
        (raw_phase(strings=b"\0true\0extra\0"), "malformed PHASE"),
        (raw_phase(strings=b"\0true"), "malformed PHASE"),
        (raw_phase(limits=(0, 1, 1, 3, 1, 1)), "a limit of a PHASE is zero"),
        (raw_phase(limits=(1, 0, 1, 3, 1, 1)), "a limit of a PHASE is zero"),
        (raw_phase(limits=(1, 1, 1, 2, 1, 1)), "a limit of a PHASE is zero"),
        (raw_phase(limits=(1, 1, 1, 3, 1, 0)), "a limit of a PHASE is zero"),
        (frame(HostFrame.CANCEL, b"x"), "malformed CANCEL"),
        (SLEEP + frame(HostFrame.SIGNAL, b"\x13"), "malformed SIGNAL"),
        (SLEEP + frame(HostFrame.SIGNAL, b""), "malformed SIGNAL"),
        (SLEEP + frame(HostFrame.SIGNAL, b"\2\2"), "malformed SIGNAL"),
        (SLEEP + frame(HostFrame.STDIN_EOF, b"x"), "malformed STDIN_EOF"),
        (SLEEP + frame(HostFrame.RESIZE, b"\0\1\0\0"), "malformed RESIZE"),
        (SLEEP + frame(HostFrame.RESIZE, b"\0\1\0"), "malformed RESIZE"),
        (SLEEP + frame(HostFrame.RESIZE, b"\0\1\0\1\0"), "malformed RESIZE"),
        (SLEEP + frame(HostFrame.GO), "GO without a held phase"),
        (SLEEP + frame(HostFrame.GO, b"x"), "GO without a held phase"),
        (SLEEP + raw_collect(), "COLLECT without a held phase"),
        (SLEEP + encode_stdin_eof() * 2, "more STDIN_EOF than phases with stdin"),
        (SLEEP + encode_stdin_eof() + encode_stdin(b"x"), "STDIN after the last STDIN_EOF"),
        (SLEEP + encode_phase(phase("true")), "unknown frame, or not permitted after GO"),
        (SLEEP + frame(HostFrame.FILE, b"\1\xa4x\0"), "unknown frame, or not permitted after GO"),
        (SLEEP + encode_stdin(b"x" * (2 * STDIN_WINDOW_BYTES)), "more STDIN than the window allows"),
    ],
)
def test_protocol_violations_are_faults(bare: RunnerProcess, frames: bytes, fault: str) -> None:
    bare.send(frames)

    assert bare.read_to_end(within_s=10).fault == fault
    assert bare.exit_status() == 1


@pytest.mark.docker
def test_fault_ends_the_container(contained: RunnerProcess) -> None:
    contained.send(SLEEP + frame(0x7F))

    assert contained.read_to_end().fault == "unknown frame, or not permitted after GO"
    assert contained.exit_status() == 1
