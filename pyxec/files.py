"""Files by reference: files that are uploaded once and that any number of jobs refer to."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final
from urllib.parse import quote, urlencode

import msgspec

from pyxec.calls import Call
from pyxec.errors import InvalidJob

__all__ = ["FileInfo", "FilePage", "OnProgress", "Upload", "delete_file", "download_file", "list_files", "upload_file"]

#: Called with the number of bytes that were transferred so far.
OnProgress = Callable[[int], None]
_PIECE_BYTES: Final = 256 * 1024


class FileInfo(msgspec.Struct, frozen=True):
    """A file of the service. Pass it wherever a job accepts the text of a program or of a test.

    Attributes:
        file_id: Its id.
        name: A name for people.
        size_bytes: Size of the content.
        sha256: SHA-256 of the content in hexadecimal.
        created_at: When it was uploaded (RFC 3339).
        expires_at: When it is removed, unless it is used before or a job needs it (RFC 3339).
    """

    file_id: str
    name: str
    size_bytes: int
    sha256: str
    created_at: str
    expires_at: str

    @property
    def reference(self) -> dict[str, str]:
        """The file as the body of a job refers to it."""
        return {"file_id": self.file_id}


class FilePage(msgspec.Struct, frozen=True):
    """A page of a list. ``next`` is the cursor of the next page; None on the last page."""

    files: tuple[FileInfo, ...]
    next: str | None


class Upload:
    """The content of an upload. It is read again if the request is repeated.

    Args:
        content: A path, bytes, or a binary file whose rest is uploaded.
        on_progress: Called while the content is sent.

    Attributes:
        size_bytes: The size. None if it is not known in advance.
        is_repeatable: Whether the content can be read again.
        name: The name of the file.

    Raises:
        InvalidJob: The file cannot be read.
    """

    def __init__(self, content: Path | bytes | BinaryIO, on_progress: OnProgress | None = None) -> None:
        self._content = content
        self._on_progress = on_progress or (lambda count: None)
        self._start = 0
        self.is_repeatable = True
        self.size_bytes: int | None
        self.name = ""
        try:
            if isinstance(content, bytes):
                self.size_bytes = len(content)
            elif isinstance(content, Path):
                self.size_bytes, self.name = content.stat().st_size, content.name
            else:
                self.is_repeatable = content.seekable()
                self._start = content.tell() if self.is_repeatable else 0
                self.size_bytes = os.fstat(content.fileno()).st_size - self._start if self.is_repeatable else None
        except OSError as e:
            raise InvalidJob(f"the file cannot be read: {e}") from e

    def __iter__(self) -> Iterator[bytes]:
        """Yield the content from its start."""
        content = self._content
        if isinstance(content, bytes):
            yield from self._report(content[at : at + _PIECE_BYTES] for at in range(0, len(content), _PIECE_BYTES))
        elif isinstance(content, Path):
            with content.open("rb") as file:
                yield from self._report(iter(lambda: file.read(_PIECE_BYTES), b""))
        else:
            if self.is_repeatable:
                content.seek(self._start)
            yield from self._report(iter(lambda: content.read(_PIECE_BYTES), b""))

    def _report(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        sent_bytes = 0
        self._on_progress(0)
        for piece in pieces:
            yield piece
            sent_bytes += len(piece)
            self._on_progress(sent_bytes)


def upload_file(upload: Upload, name: str | None = None) -> Call[FileInfo]:
    """Upload a file."""
    name = upload.name if name is None else name
    headers = {"Content-Type": "application/octet-stream"}
    if upload.size_bytes is not None:
        headers["Content-Length"] = str(upload.size_bytes)
    return Call(
        "PUT",
        f"/v1/files?{urlencode({'name': name})}" if name else "/v1/files",
        lambda reply: reply.read(FileInfo),
        headers=headers,
        content=upload,
        is_repeatable=upload.is_repeatable,
    )


def download_file(file_id: str) -> Call[None]:
    """Get the content of a file. For ``stream_bytes`` of a transport."""
    return Call("GET", _path(file_id), lambda reply: None)


def delete_file(file_id: str) -> Call[None]:
    """Delete a file. Not repeatable: the second request would return 404."""
    return Call("DELETE", _path(file_id), lambda reply: None, is_repeatable=False)


def list_files(after: str | None = None) -> Call[FilePage]:
    """Get a page of the files of the caller, newest first."""
    query: dict[str, Any] = {"limit": 100} if after is None else {"limit": 100, "after": after}
    return Call("GET", f"/v1/files?{urlencode(query)}", lambda reply: reply.read(FilePage))


def _path(file_id: str) -> str:
    return f"/v1/files/{quote(file_id, safe='')}"
