"""Where the program's stdin comes from: text that travels with the job, or bytes that are passed on while it runs."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from app.core.errors import InvalidRequest

__all__ = ["StdinSource", "file_text", "open_stdin", "pump"]

# Above this a file is passed on in pieces: one request should not carry it all.
MOST_INLINE_BYTES: Final = 1024 * 1024
# One message takes 64 KiB at most, and JSON writes a control character as six.
READ_BYTES: Final = 8 * 1024
STDIN_FD: Final = 0


@dataclass(frozen=True)
class StdinSource:
    """Either ``text``, all of it, or the open ``descriptor`` that it comes from."""

    text: str = ""
    descriptor: int | None = None


def open_stdin(path: Path | None) -> StdinSource:
    """The file that was named or, without one, this process's own stdin: a terminal, a pipe, a file, or nothing."""
    if path is not None:
        return _source(os.open(path, os.O_RDONLY | os.O_CLOEXEC))
    try:
        return _source(STDIN_FD)
    except OSError:  # started with its stdin closed
        return StdinSource()


def file_text(path: Path | None) -> str:
    """The text of a file that goes with a job nobody watches.

    Raises:
        InvalidRequest: it is no UTF-8: bytes can only be passed on live.
    """
    if path is None:
        return ""
    try:
        return path.read_bytes().decode()
    except UnicodeDecodeError as e:
        raise InvalidRequest(str(path), "is not UTF-8; only `pyxec run` can pass such a file on") from e


def pump(descriptor: int, send: Callable[[bytes], bool], end: Callable[[], bool]) -> None:
    """Pass on what arrives, as it arrives, then the end; stop when a call answers that the job is over."""
    while data := os.read(descriptor, READ_BYTES):
        if not send(data):
            return
    end()


def _source(descriptor: int) -> StdinSource:
    kind = os.fstat(descriptor)
    if os.path.samestat(kind, Path(os.devnull).stat()):
        return StdinSource()
    if not stat.S_ISREG(kind.st_mode) or kind.st_size > MOST_INLINE_BYTES:
        return StdinSource(descriptor=descriptor)
    start = os.lseek(descriptor, 0, os.SEEK_CUR)
    data = os.pread(descriptor, MOST_INLINE_BYTES, start)
    try:
        return StdinSource(text=data.decode())
    except UnicodeDecodeError:  # JSON carries text only; nothing was consumed
        return StdinSource(descriptor=descriptor)
