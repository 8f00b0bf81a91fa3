"""The file cache of a worker: a folder that all its processes share."""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from app.core.errors import BlobNotFound, FileStorageUnavailable
from app.core.files import StoredFile
from app.files.storage import FileStorage

__all__ = ["FileCache"]

_LOCK: Final = "lock"
_FOLDERS: Final = ("files", "pins", "fetches")


class FileCache:
    """Keeps copies of files on the local disk, by their SHA-256. Threads and processes may share it.

    The folder contains ``files/<sha256>``; ``fetches/<sha256>``, files that are being fetched; and ``pins/<random>``,
    which lists the files of a running job and is locked while the job runs. The kernel releases the lock of a process
    that was killed. The modification time of a file is the time of its last use.

    Args:
        storage: The file storage.
        folder: The folder. It is created with the first use.
        max_bytes: Maximum size of all files together. Jobs wait if it is reached by the files of running jobs.
    """

    def __init__(self, storage: FileStorage, folder: Path, max_bytes: int) -> None:
        self._storage = storage
        self._folder = folder
        self._max_bytes = max_bytes

    @contextmanager
    def open(
        self, stored_files: Iterable[StoredFile], is_cancelled: Callable[[], bool] = lambda: False
    ) -> Iterator[dict[str, Path]]:
        """Provide local copies of the files of a job until the context ends.

        Args:
            stored_files: The files.
            is_cancelled: Stops fetching when it returns True. The result is incomplete then.

        Yields:
            The path of each file by its SHA-256.

        Raises:
            FileStorageUnavailable: The file storage does not answer, the disk is full, or the files of other running
                jobs take the room in the cache.
            BlobNotFound: The file storage has lost a file.
        """
        files = {stored.digest: stored for stored in stored_files}
        try:
            self._create_folders()
            pin = self._pin(files)
        except OSError as e:
            raise FileStorageUnavailable(f"the file cache cannot be used: {e}") from e
        try:
            for stored in files.values():
                if is_cancelled():
                    break
                self._provide(stored)
            yield {digest: self._path(digest) for digest in files}
        finally:
            with suppress(OSError):
                self._folder.joinpath("pins", str(pin[0])).unlink()
            os.close(pin[1])

    def _create_folders(self) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = self._folder.stat()
        if status.st_uid != os.geteuid() or status.st_mode & 0o022:
            raise FileStorageUnavailable(f"{self._folder}: must belong to the user of the worker and to no other one")
        for name in _FOLDERS:
            self._folder.joinpath(name).mkdir(mode=0o700, exist_ok=True)

    def _pin(self, files: dict[str, StoredFile]) -> tuple[str, int]:
        """Make room for files, and keep them and those of other running jobs from being removed."""
        with self._locked(self._folder / _LOCK):
            pinned = self._read_pins()
            sizes = self._list_files()
            needed_bytes = sum(stored.size_bytes for digest, stored in files.items() if digest not in sizes)
            # The files of other running jobs that are not fetched yet.
            promised_bytes = sum(size for digest, size in pinned.items() if digest not in sizes and digest not in files)
            used_bytes = sum(size for size, _ in sizes.values())
            excess_bytes = used_bytes + needed_bytes + promised_bytes - self._max_bytes
            for digest, (size, _) in sorted(sizes.items(), key=lambda item: item[1][1]):
                if excess_bytes <= 0:
                    break
                if digest not in pinned and digest not in files:
                    self._path(digest).unlink(missing_ok=True)
                    excess_bytes -= size
            if excess_bytes > 0 and pinned:
                raise FileStorageUnavailable("the file cache is full of files of running jobs")
            name = secrets.token_hex(8)
            descriptor = os.open(self._folder / "pins" / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            os.write(descriptor, "".join(f"{file.digest} {file.size_bytes}\n" for file in files.values()).encode())
            return name, descriptor

    def _read_pins(self) -> dict[str, int]:
        """Return the sizes of the files of running jobs. Remove the lists of jobs whose process has ended."""
        pinned: dict[str, int] = {}
        for path in self._folder.joinpath("pins").iterdir():
            with suppress(FileNotFoundError), path.open() as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                except BlockingIOError:
                    pinned |= {digest: int(size) for digest, size in (line.split() for line in file)}
                else:
                    path.unlink(missing_ok=True)
        return pinned

    def _list_files(self) -> dict[str, tuple[int, float]]:
        """Return the size and the time of the last use of each file."""
        sizes = {}
        for entry in os.scandir(self._folder / "files"):
            status = entry.stat()
            sizes[entry.name] = (status.st_size, status.st_mtime)
        return sizes

    def _provide(self, stored: StoredFile) -> None:
        """Fetch a file unless it is in the cache. It is fetched once, however many jobs need it."""
        path = self._path(stored.digest)
        try:
            if not path.exists():
                with self._locked(self._folder / "fetches" / f"{stored.digest}.lock"):
                    if not path.exists():
                        self._fetch(stored, path)
            os.utime(path)
        except OSError as e:
            raise FileStorageUnavailable(f"the file cache cannot be used: {e}") from e

    def _fetch(self, stored: StoredFile, path: Path) -> None:
        unfinished = self._folder / "fetches" / stored.digest
        digest = hashlib.sha256()
        try:
            with unfinished.open("wb") as file:
                for piece in self._storage.read(stored.blob_id):
                    digest.update(piece)
                    file.write(piece)
            if digest.hexdigest() != stored.digest:
                raise BlobNotFound(f"file {stored.file_id}: the file storage returned another content")
            unfinished.rename(path)
        finally:
            unfinished.unlink(missing_ok=True)
            self._folder.joinpath("fetches", f"{stored.digest}.lock").unlink(missing_ok=True)

    def _path(self, digest: str) -> Path:
        return self._folder / "files" / digest

    @contextmanager
    def _locked(self, path: Path) -> Iterator[None]:
        while True:
            with path.open("w") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                # The process that held the lock may have removed the file.
                if _is_same_file(path, file.fileno()):
                    yield
                    return


def _is_same_file(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
