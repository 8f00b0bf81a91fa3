"""Source of the program's stdin: text in the request, a file that is uploaded, or a descriptor that is read while the
job runs."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from pyxec import Client, FileInfo
from pyxec.cli.progress import transfer_progress
from pyxec.errors import PyxecError

__all__ = ["StdinSource", "open_file", "open_stdin", "pump", "upload_stdin"]

# A larger file is uploaded, and the job refers to it.
MAX_INLINE_BYTES: Final = 1024 * 1024
# The size of one message of the SDK.
READ_BYTES: Final = 45 * 1024
STDIN_FD: Final = 0


@dataclass(frozen=True)
class StdinSource:
    """The stdin of a program.

    Attributes:
        text: The stdin, if it is a short text.
        descriptor: To read from while the job runs. None for the other kinds.
        file: An open file to upload. None for the other kinds.
        reference: The file that was uploaded.
    """

    text: str = ""
    descriptor: int | None = None
    file: BinaryIO | None = None
    reference: FileInfo | None = None

    @property
    def field(self) -> str | FileInfo:
        """The value of the field ``stdin`` of the job."""
        return self.reference or self.text


def open_stdin(path: Path | None) -> StdinSource:
    """Open a file, or this process's stdin if no path is given."""
    if path is not None:
        return _inspect(os.open(path, os.O_RDONLY | os.O_CLOEXEC))
    try:
        return _inspect(STDIN_FD)
    except OSError:  # stdin is closed
        return StdinSource()


def open_file(path: Path | None) -> StdinSource:
    """Open a file for a job that is not followed. No path is an empty stdin."""
    source = StdinSource() if path is None else open_stdin(path)
    return source if source.descriptor is None else StdinSource(file=os.fdopen(source.descriptor, "rb"))


@contextmanager
def upload_stdin(client: Client, stdin: StdinSource) -> Iterator[StdinSource]:
    """Upload the stdin if it is a file to upload. It is deleted after the context, when the job has been accepted."""
    if stdin.file is None:
        yield stdin
        return
    size_bytes = os.fstat(stdin.file.fileno()).st_size - stdin.file.tell() if stdin.file.seekable() else None
    with transfer_progress("stdin", size_bytes) as on_progress:
        reference = client.upload(stdin.file, name="stdin", on_progress=on_progress)
    try:
        yield StdinSource(reference=reference)
    finally:
        # The job keeps the content. Otherwise, it would count for the quota until it expires.
        with suppress(PyxecError):
            client.delete_file(reference.file_id)


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
    if not stat.S_ISREG(kind.st_mode):
        return StdinSource(descriptor=descriptor)
    start = os.lseek(descriptor, 0, os.SEEK_CUR)
    if kind.st_size - start > MAX_INLINE_BYTES:
        return StdinSource(file=os.fdopen(descriptor, "rb", closefd=False))
    data = os.pread(descriptor, MAX_INLINE_BYTES, start)
    try:
        return StdinSource(text=data.decode())
    except UnicodeDecodeError:  # a request contains text only; pread consumed nothing
        return StdinSource(file=os.fdopen(descriptor, "rb", closefd=False))
