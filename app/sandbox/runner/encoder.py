"""The host's side of the runner protocol (runner/PROTOCOL.md): frames to send as bytes, bytes heard as events. No I/O.

A job is: ``encode_file`` for each file, ``encode_phase`` for each phase, ``encode_go``, then stdin, signals, sizes or a
cancel at any time. Both directions are checked; whatever must not be is a ProtocolError.
"""

from __future__ import annotations

import signal
import struct
from collections.abc import Iterator

from app.core.errors import ProtocolError
from app.sandbox.runner.decoder import FrameDecoder
from app.sandbox.runner.frames import (
    MAX_ARTIFACT_FILES,
    MAX_PAYLOAD,
    PROTOCOL_VERSION,
    STDIN_WINDOW_BYTES,
    UNLIMITED,
    CollectSpec,
    HostFrame,
    PhaseSpec,
    WindowSize,
)

__all__ = [
    "MAX_PAYLOAD",
    "PROTOCOL_VERSION",
    "SIGNALS",
    "STDIN_WINDOW_BYTES",
    "FrameDecoder",
    "encode_cancel",
    "encode_collect",
    "encode_file",
    "encode_go",
    "encode_phase",
    "encode_resize",
    "encode_signal",
    "encode_stdin",
    "encode_stdin_eof",
]

SIGNALS = frozenset(
    {
        signal.SIGINT,
        signal.SIGTERM,
        signal.SIGKILL,
        signal.SIGHUP,
        signal.SIGQUIT,
        signal.SIGUSR1,
        signal.SIGUSR2,
    }
)

_MAX_DEPTH = 8
_MAX_COMPONENT_BYTES = 255
_MIN_OPEN_FILES = 3
_MAX_PATTERNS = 16
_MAX_PATTERN_BYTES = 255
_GETS_STDIN, _TERMINAL, _TEST, _HELD = 1, 2, 4, 8


def encode_file(path: str, data: bytes, *, executable: bool = False) -> Iterator[bytes]:
    """The frames that create one file below the working folder, of any size; parent folders are made on the way.

    Raises ProtocolError for a path that is absolute, deeper than 8, or has a component that is empty, ".", "..", or
    longer than 255 bytes.
    """
    head = (0o755 if executable else 0o644).to_bytes(2) + _string(_checked_path(path))
    room = MAX_PAYLOAD - len(head)
    yield _frame(HostFrame.FILE, head + data[:room])
    yield from _chunks(HostFrame.FILE_DATA, data[room:])


def encode_phase(spec: PhaseSpec) -> bytes:
    """The frame that adds one phase; phases run in the order they were added.

    Raises ProtocolError for a limit out of range, a NUL in a string, or arguments and environment that do not fit
    into one frame.
    """
    if not spec.argv or len(spec.argv) > 0xFFFF or len(spec.env) > 0xFFFF:
        raise ProtocolError("a phase has 1 to 65535 arguments and at most 65535 variables")
    payload = b"".join(
        (
            _flags_and_size(spec),
            _limits(spec),
            struct.pack(">HH", len(spec.argv), len(spec.env)),
            _string(spec.cwd),
            *map(_string, spec.argv),
            *(_variable(name, value) for name, value in spec.env),
        )
    )
    return _frame(HostFrame.PHASE, payload)


def encode_collect(spec: CollectSpec) -> bytes:
    """Which files are wanted back; once, before GO. Raises ProtocolError for what the runner would refuse."""
    patterns = [_string(pattern) for pattern in spec.patterns]
    if not 1 <= len(patterns) <= _MAX_PATTERNS or not 1 <= spec.files <= MAX_ARTIFACT_FILES:
        raise ProtocolError(f"from 1 to {_MAX_PATTERNS} patterns for 1 to {MAX_ARTIFACT_FILES} files")
    if any(not 1 < len(pattern) <= _MAX_PATTERN_BYTES + 1 for pattern in patterns):
        raise ProtocolError(f"a pattern has 1 to {_MAX_PATTERN_BYTES} bytes")
    head = struct.pack(">BQB", spec.files, spec.total_bytes, len(patterns))
    return _frame(HostFrame.COLLECT, head + b"".join(patterns))


def encode_go() -> bytes:
    """Starts the first phase, or one that is held."""
    return _frame(HostFrame.GO)


def encode_stdin(data: bytes) -> bytes:
    """Bytes for the next phase that reads stdin. Only after GO; never more than STDIN_WINDOW_BYTES unacknowledged."""
    return b"".join(_chunks(HostFrame.STDIN, data))


def encode_stdin_eof() -> bytes:
    """The end of stdin for one phase, after its last byte."""
    return _frame(HostFrame.STDIN_EOF)


def encode_signal(number: int) -> bytes:
    """A signal for the process group of the phase that runs. Raises ProtocolError for one that is not in SIGNALS."""
    if number not in SIGNALS:
        raise ProtocolError(f"signal {number} is not passed on")
    return _frame(HostFrame.SIGNAL, bytes([number]))


def encode_resize(size: WindowSize) -> bytes:
    """The size of all terminals from now on. Only after GO. Raises ProtocolError for one out of range."""
    return _frame(HostFrame.RESIZE, _window_size(size))


def encode_cancel() -> bytes:
    """Kills what runs, and ends the job."""
    return _frame(HostFrame.CANCEL)


def _frame(kind: HostFrame, payload: bytes = b"") -> bytes:
    if len(payload) > MAX_PAYLOAD:
        raise ProtocolError(f"a {kind.name} of {len(payload)} bytes exceeds {MAX_PAYLOAD}")
    return struct.pack(">BI", kind, len(payload)) + payload


def _chunks(kind: HostFrame, data: bytes) -> Iterator[bytes]:
    for start in range(0, len(data), MAX_PAYLOAD):
        yield _frame(kind, data[start : start + MAX_PAYLOAD])


def _string(text: str) -> bytes:
    try:
        encoded = text.encode()
    except UnicodeEncodeError as error:
        raise ProtocolError("a string with a lone surrogate") from error
    if b"\0" in encoded:
        raise ProtocolError("a string with a NUL")
    return encoded + b"\0"


def _variable(name: str, value: str) -> bytes:
    if not name or "=" in name:
        raise ProtocolError("a variable's name is empty or has an equals sign")
    return _string(f"{name}={value}")


def _checked_path(path: str) -> str:
    components = path.split("/")
    if len(components) > _MAX_DEPTH:
        raise ProtocolError("a file path is too deep")
    for component in components:
        if component in ("", ".", "..") or len(_string(component)) - 1 > _MAX_COMPONENT_BYTES:
            raise ProtocolError("a file path has a component that is not allowed")
    return path


def _flags_and_size(spec: PhaseSpec) -> bytes:
    what = _GETS_STDIN * spec.gets_stdin | _TERMINAL * (spec.terminal is not None)
    flags = what | _TEST * spec.is_test | _HELD * spec.held
    return bytes([flags]) + (_window_size(spec.terminal) if spec.terminal else bytes(4))


def _window_size(size: WindowSize) -> bytes:
    if not (1 <= size.rows <= 0xFFFF and 1 <= size.columns <= 0xFFFF):
        raise ProtocolError("a terminal has from 1 to 65535 rows and columns")
    return struct.pack(">HH", size.rows, size.columns)


def _limits(spec: PhaseSpec) -> bytes:
    ranges = (
        (spec.wall_ms, 1, 0xFFFFFFFF),
        (spec.cpu_ms, 1, 0xFFFFFFFF),
        (spec.output_bytes, 0, UNLIMITED),
        (spec.open_files, _MIN_OPEN_FILES, 0xFFFFFFFF),
        (spec.file_bytes, 0, UNLIMITED),
        (spec.stack_bytes, 1, UNLIMITED),
    )
    if any(not low <= value <= high for value, low, high in ranges):
        raise ProtocolError("a phase's limit is out of range")
    return struct.pack(">IIQIQQ", *(value for value, _, _ in ranges))
