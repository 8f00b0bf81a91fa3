"""The port of the file storage."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

__all__ = ["BlobWriter", "FileStorage"]


class BlobWriter(Protocol):
    """Writes one blob. Exactly one of `commit` and `abort` ends it.

    Every method raises FileStorageUnavailable if the storage does not answer.
    """

    def write(self, data: bytes | memoryview) -> None:
        """Append data. The writer holds at most a few MiB of it."""

    def commit(self) -> None:
        """Make the blob durable and readable."""

    def abort(self) -> None:
        """Discard what was written. Does not raise: `FileStorage.delete` removes what is left."""


class FileStorage(Protocol):
    """Keeps blobs: the contents of files, by an id. Threads may share it.

    A blob id is a random file id and is never used again. The file table (app/store/files/file_table.py) contains the
    blob of each SHA-256, so that equal contents are stored once.

    Every method raises FileStorageUnavailable if the storage does not answer.

    Attributes:
        max_blob_bytes: Maximum size of a blob. None if there is none.
        capacity_bytes: Maximum size of all blobs together. None if there is none.
    """

    @property
    def max_blob_bytes(self) -> int | None:
        """Maximum size of a blob."""

    @property
    def capacity_bytes(self) -> int | None:
        """Maximum size of all blobs together."""

    def create(self, blob_id: str) -> BlobWriter:
        """Start to write a blob."""

    def read(self, blob_id: str) -> Iterator[bytes]:
        """Yield the content of a blob in pieces of at most 1 MiB.

        Raises:
            BlobNotFound: The blob does not exist.
        """

    def delete(self, blob_id: str) -> None:
        """Delete a blob, or what is left of one that was not committed. Does nothing if it does not exist."""

    def check(self) -> None:
        """Check that the storage answers and can be written to."""
