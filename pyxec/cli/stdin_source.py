"""Source of the program's stdin: text in the request, or a descriptor whose bytes are sent while the job runs."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pyxec.errors import InvalidJob

__all__ = ["StdinSource", "file_text", "open_stdin", "pump"]

# A larger file is sent in chunks while the job runs.
MAX_INLINE_BYTES: Final = 1024 * 1024
# The size of one message of the SDK.
READ_BYTES: Final = 45 * 1024
STDIN_FD: Final = 0


@dataclass(frozen=True)
class StdinSource:
    """Either the complete ``text``, or an open ``descriptor`` to read from."""

    text: str = ""
    descriptor: int | None = None


def open_stdin(path: Path | None) -> StdinSource:
    """Open a file, or this process's stdin if no path is given."""
    if path is not None:
        return _inspect(os.open(path, os.O_RDONLY | os.O_CLOEXEC))
    try:
        return _inspect(STDIN_FD)
    except OSError:  # stdin is closed
        return StdinSource()


def file_text(path: Path | None) -> str:
    """Return the content of a file for a job that is not followed.

    Raises:
        InvalidJob: The file is not UTF-8: a request contains text only.
    """
    if path is None:
        return ""
    try:
        return path.read_bytes().decode()
    except UnicodeDecodeError as e:
        raise InvalidJob(f"{path}: is not UTF-8; only `pyxec run` can send such a file") from e


def pump(descriptor: int, send: Callable[[bytes], bool], end: Callable[[], bool]) -> None:
    """Send data as it arrives, then end of file. Stops when ``send`` returns False: the job has finished."""
    while data := os.read(descriptor, READ_BYTES):
        if not send(data):
            return
    end()


def _inspect(descriptor: int) -> StdinSource:
    kind = os.fstat(descriptor)
    if os.path.samestat(kind, Path(os.devnull).stat()):
        return StdinSource()
    if not stat.S_ISREG(kind.st_mode) or kind.st_size > MAX_INLINE_BYTES:
        return StdinSource(descriptor=descriptor)
    start = os.lseek(descriptor, 0, os.SEEK_CUR)
    data = os.pread(descriptor, MAX_INLINE_BYTES, start)
    try:
        return StdinSource(text=data.decode())
    except UnicodeDecodeError:  # a request contains text only; pread consumed nothing
        return StdinSource(descriptor=descriptor)
