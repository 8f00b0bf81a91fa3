"""Encoder for the frames that the host sends to a runner.

The order for a job is: ``encode_file`` for each file, ``encode_collect`` if the job requests artifacts,
``encode_phase`` for each phase, ``encode_go``. Stdin, signals, terminal sizes and a cancellation may follow at any
time. Every function raises ProtocolError for values that runner/PROTOCOL.md does not allow.
"""

from __future__ import annotations

import signal
import struct
from collections.abc import Iterator
from typing import Final

from app.core.errors import ProtocolError
from app.core.files import Content
from app.files.content import ContentReader
from app.sandbox.runner.frames import (
    MAX_ARTIFACT_FILES,
    MAX_PAYLOAD,
    UNLIMITED,
    CollectSpec,
    HostFrame,
    PhaseSpec,
    WindowSize,
)

__all__ = [
    "SIGNALS",
    "encode_cancel",
    "encode_collect",
    "encode_end",
    "encode_file",
    "encode_go",
    "encode_limits",
    "encode_phase",
    "encode_resize",
    "encode_signal",
    "encode_stdin",
    "encode_stdin_eof",
]

# The signals that the runner passes on to a program.
SIGNALS: Final = frozenset(
    {
        *(signal.SIGINT, signal.SIGTERM, signal.SIGKILL, signal.SIGHUP),
        *(signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2),
    }
)
_MAX_DEPTH: Final = 8
_MAX_COMPONENT_BYTES: Final = 255
_MIN_OPEN_FILES: Final = 3
_MAX_PATTERNS: Final = 16
_MAX_PATTERN_BYTES: Final = 255
_GETS_STDIN_FLAG, _TERMINAL_FLAG, _TEST_FLAG, _HELD_FLAG = 1, 2, 4, 8


def encode_file(path: str, content: Content, *, executable: bool = False) -> Iterator[bytes]:
    """Yield the frames that create a file of any size, with its parent folders.

    Args:
        path: Relative to the working folder: at most 8 components of 1 to 255 bytes, none of them ``.`` or ``..``.
        content: The content.

    Raises:
        InfrastructureError: The content cannot be read from the file cache.
    """
    head = (0o755 if executable else 0o644).to_bytes(2) + _encode_string(_check_path(path))
    reader = ContentReader(content)
    yield _encode_frame(HostFrame.FILE, head + reader.read(MAX_PAYLOAD - len(head)))
    while reader.remaining_bytes:
        yield _encode_frame(HostFrame.FILE_DATA, reader.read(MAX_PAYLOAD))


def encode_phase(spec: PhaseSpec) -> bytes:
    """Return the frame that adds a phase. Phases run in the order of their frames.

    Arguments and environment must fit into one frame of MAX_PAYLOAD bytes.
    """
    if not spec.argv or len(spec.argv) > 0xFFFF or len(spec.env) > 0xFFFF:
        raise ProtocolError("phase: must have 1 to 65535 arguments and at most 65535 variables")
    payload = b"".join(
        (
            _encode_flags_and_size(spec),
            _encode_limits(spec),
            struct.pack(">HH", len(spec.argv), len(spec.env)),
            _encode_string(spec.cwd),
            *map(_encode_string, spec.argv),
            *(_encode_variable(name, value) for name, value in spec.env),
        )
    )
    return _encode_frame(HostFrame.PHASE, payload)


def encode_collect(spec: CollectSpec) -> bytes:
    """Return the frame that requests files back. It may be sent once, before GO."""
    patterns = [_encode_string(pattern) for pattern in spec.patterns]
    if not 1 <= len(patterns) <= _MAX_PATTERNS or not 1 <= spec.files <= MAX_ARTIFACT_FILES:
        raise ProtocolError(f"collect: must have 1 to {_MAX_PATTERNS} patterns and 1 to {MAX_ARTIFACT_FILES} files")
    if any(not 1 < len(pattern) <= _MAX_PATTERN_BYTES + 1 for pattern in patterns):
        raise ProtocolError(f"pattern: must have 1 to {_MAX_PATTERN_BYTES} bytes")
    head = struct.pack(">BQB", spec.files, spec.total_bytes, len(patterns))
    return _encode_frame(HostFrame.COLLECT, head + b"".join(patterns))


def encode_go() -> bytes:
    """Return the frame that starts the first phase or a held phase."""
    return _encode_frame(HostFrame.GO)


def encode_stdin(data: bytes | memoryview) -> bytes:
    """Return stdin for the next phase that reads it. At most STDIN_WINDOW_BYTES may be unacknowledged."""
    return b"".join(_split_frames(HostFrame.STDIN, data))


def encode_stdin_eof() -> bytes:
    """Return the end of stdin of one phase."""
    return _encode_frame(HostFrame.STDIN_EOF)


def encode_signal(number: int) -> bytes:
    """Return a signal for the process group of the running phase. It must be one of SIGNALS."""
    if number not in SIGNALS:
        raise ProtocolError(f"signal: {number} is not allowed")
    return _encode_frame(HostFrame.SIGNAL, bytes([number]))


def encode_resize(size: WindowSize) -> bytes:
    """Return a new size for the current and all later terminals. It may be sent only after GO."""
    return _encode_frame(HostFrame.RESIZE, _encode_window_size(size))


def encode_cancel() -> bytes:
    """Return the frame that kills the running phase and ends the job."""
    return _encode_frame(HostFrame.CANCEL)


def encode_limits() -> bytes:
    """Return the frame that applies the limits of the program in a cell, before the held phase starts."""
    return _encode_frame(HostFrame.LIMITS)


def encode_end() -> bytes:
    """Return the frame after which a cell removes the job. It is the last one, after Done."""
    return _encode_frame(HostFrame.END)


def _encode_frame(kind: HostFrame, payload: bytes | memoryview = b"") -> bytes:
    if len(payload) > MAX_PAYLOAD:
        raise ProtocolError(f"{kind.name} of {len(payload)} bytes; the maximum is {MAX_PAYLOAD}")
    return b"".join((struct.pack(">BI", kind, len(payload)), payload))


def _split_frames(kind: HostFrame, data: bytes | memoryview) -> Iterator[bytes]:
    for start in range(0, len(data), MAX_PAYLOAD):
        yield _encode_frame(kind, data[start : start + MAX_PAYLOAD])


def _encode_string(text: str) -> bytes:
    try:
        encoded = text.encode()
    except UnicodeEncodeError as error:
        raise ProtocolError("string contains a lone surrogate") from error
    if b"\0" in encoded:
        raise ProtocolError("string contains a NUL")
    return encoded + b"\0"


def _encode_variable(name: str, value: str) -> bytes:
    if not name or "=" in name:
        raise ProtocolError("environment: a name must not be empty and must not contain '='")
    return _encode_string(f"{name}={value}")


def _check_path(path: str) -> str:
    components = path.split("/")
    if len(components) > _MAX_DEPTH:
        raise ProtocolError(f"path: must have at most {_MAX_DEPTH} components")
    for component in components:
        if component in ("", ".", "..") or len(_encode_string(component)) - 1 > _MAX_COMPONENT_BYTES:
            raise ProtocolError("path: contains a component that is empty, too long, '.' or '..'")
    return path


def _encode_flags_and_size(spec: PhaseSpec) -> bytes:
    flags = (
        _GETS_STDIN_FLAG * spec.gets_stdin
        | _TERMINAL_FLAG * (spec.terminal is not None)
        | _TEST_FLAG * spec.is_test
        | _HELD_FLAG * spec.held
    )
    return bytes([flags]) + (_encode_window_size(spec.terminal) if spec.terminal else bytes(4))


def _encode_window_size(size: WindowSize) -> bytes:
    if not (1 <= size.rows <= 0xFFFF and 1 <= size.columns <= 0xFFFF):
        raise ProtocolError("terminal: rows and columns must be between 1 and 65535")
    return struct.pack(">HH", size.rows, size.columns)


def _encode_limits(spec: PhaseSpec) -> bytes:
    ranges = (
        (spec.wall_ms, 1, 0xFFFFFFFF),
        (spec.cpu_ms, 1, 0xFFFFFFFF),
        (spec.output_bytes, 0, UNLIMITED),
        (spec.open_files, _MIN_OPEN_FILES, 0xFFFFFFFF),
        (spec.file_bytes, 0, UNLIMITED),
        (spec.stack_bytes, 1, UNLIMITED),
    )
    if any(not low <= value <= high for value, low, high in ranges):
        raise ProtocolError("phase: a limit is out of range")
    return struct.pack(">IIQIQQ", *(value for value, _, _ in ranges))
