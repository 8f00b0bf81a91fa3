"""The file storage in a folder, which all gateways and workers have to see."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

from app.core.errors import BlobNotFound, FileStorageUnavailable

__all__ = ["FolderStorage"]

_PIECE_BYTES: Final = 1024 * 1024


class FolderStorage:
    """Implements the ``FileStorage`` port with a folder: ``blobs/<2 characters>/<id>``, and ``uploads/<id>``.

    Args:
        folder: The folder. It has to exist: if it is not mounted, files must not be written elsewhere.
    """

    max_blob_bytes: int | None = None
    capacity_bytes: int | None = None

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def create(self, blob_id: str) -> _FolderWriter:
        """Start to write a blob."""
        upload = self._folder / "uploads" / blob_id
        with _translated():
            if not self._folder.is_dir():
                raise FileStorageUnavailable(f"{self._folder} is not a folder")
            upload.parent.mkdir(mode=0o700, exist_ok=True)
            return _FolderWriter(upload, self._path(blob_id))

    def read(self, blob_id: str) -> Iterator[bytes]:
        """Yield the content of a blob.

        Raises:
            BlobNotFound: The blob does not exist.
        """
        with _translated():
            try:
                file = self._path(blob_id).open("rb")
            except FileNotFoundError as e:
                if not self._folder.joinpath("blobs").is_dir():
                    raise FileStorageUnavailable(f"{self._folder} contains no blobs; is it mounted?") from e
                raise BlobNotFound(blob_id) from e
            with file:
                while piece := file.read(_PIECE_BYTES):
                    yield piece

    def delete(self, blob_id: str) -> None:
        """Delete a blob."""
        with _translated():
            self._path(blob_id).unlink(missing_ok=True)
            self._folder.joinpath("uploads", blob_id).unlink(missing_ok=True)

    def check(self) -> None:
        """Check that a file can be written."""
        probe = f"check-{os.getpid()}"
        self.create(probe).abort()

    def _path(self, blob_id: str) -> Path:
        return self._folder / "blobs" / blob_id[:2] / blob_id


class _FolderWriter:
    def __init__(self, upload: Path, blob: Path) -> None:
        self._upload = upload
        self._blob = blob
        self._file: BinaryIO = upload.open("wb")

    def write(self, data: bytes | memoryview) -> None:
        with _translated():
            self._file.write(data)

    def commit(self) -> None:
        with _translated():
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            self._blob.parent.parent.mkdir(mode=0o700, exist_ok=True)
            self._blob.parent.mkdir(mode=0o700, exist_ok=True)
            self._upload.rename(self._blob)
            for folder in (self._blob.parent, self._blob.parent.parent):
                _sync_folder(folder)

    def abort(self) -> None:
        with suppress(OSError):
            self._file.close()
            self._upload.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except OSError as e:
        raise FileStorageUnavailable(f"the folder of the file storage cannot be used: {e}") from e
