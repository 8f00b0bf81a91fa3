"""Files by reference: content that is uploaded once and named by its id in any number of jobs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Final

import msgspec

from app.core.constraints import schema
from app.core.errors import InvalidRequest

__all__ = [
    "FILE_ID",
    "MAX_JOB_FILE_BYTES",
    "Content",
    "FileId",
    "FileRecord",
    "FileReference",
    "StoredFile",
    "check_file_bytes",
    "find_stored_file",
    "is_file_id",
]

FILE_ID: Final = r"^[0-9a-f]{32}$"
#: The files that one job refers to together. A worker needs as much room for them on its disk.
MAX_JOB_FILE_BYTES: Final = 2 * 1024 * 1024 * 1024
_FILE_ID: Final = re.compile(FILE_ID)

FileId = Annotated[str, schema(pattern=FILE_ID, description="The id that `PUT /v1/files` returned.")]


class FileReference(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file of `PUT /v1/files` in place of a text."""

    file_id: FileId


class StoredFile(msgspec.Struct, frozen=True, array_like=True):
    """A file of a job whose content is in the file storage.

    Attributes:
        file_id: Id of the file.
        blob_id: Where the file storage keeps the content.
        digest: SHA-256 of the content in hexadecimal.
        size_bytes: Size of the content.
        path: Where the worker that runs the job has a copy. Empty everywhere else.
    """

    file_id: str
    blob_id: str
    digest: str
    size_bytes: int
    path: str = ""

    def __len__(self) -> int:
        return self.size_bytes

    def __bool__(self) -> bool:
        return True  # an empty file is given, as an empty text is


#: The content of a source file or an input. Its length is its size in bytes.
Content = bytes | StoredFile


class FileRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A file in the file table. Times are Unix milliseconds.

    Attributes:
        id: Random. Only the owner can use it.
        blob_id: Where the file storage keeps the content. Files with the same content share it.
        expires_at_ms: When the file is removed, unless it is used before or a job needs it.
    """

    id: str
    owner: str
    name: str
    blob_id: str
    digest: str
    size_bytes: int
    created_at_ms: int
    expires_at_ms: int

    @property
    def stored(self) -> StoredFile:
        """The file as a job refers to it."""
        return StoredFile(self.id, self.blob_id, self.digest, self.size_bytes)


def is_file_id(text: str) -> bool:
    """Return whether a text has the form of a file id."""
    return _FILE_ID.fullmatch(text) is not None


def find_stored_file(field: str, reference: FileReference, files: Mapping[str, StoredFile]) -> StoredFile:
    """Return the file that a field of a request refers to.

    Args:
        field: Path of the field in the request.
        reference: The value of the field.
        files: The files of the caller by their ids.

    Raises:
        InvalidRequest: There is no such file. Names ``<field>.file_id``.
    """
    stored = files.get(reference.file_id)
    if stored is None:
        raise InvalidRequest(f"{field}.file_id", "must be the id of a file of this caller that has not expired")
    return stored


def check_file_bytes(files: Mapping[str, StoredFile]) -> None:
    """Check the size of the files that a job refers to. Equal files count once.

    Raises:
        InvalidRequest: They are too large together.
    """
    sizes = {stored.digest: stored.size_bytes for stored in files.values()}
    if sum(sizes.values()) > MAX_JOB_FILE_BYTES:
        raise InvalidRequest("files", f"the files of a job must be at most {MAX_JOB_FILE_BYTES} bytes together")
