"""Files by reference: uploads, downloads and deletions, for the event loop of a gateway."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Final, ParamSpec, TypeVar

import structlog

from app.core.callers import Caller
from app.core.errors import BlobNotFound, FileStorageUnavailable, FileTooLarge, NotFound, StoreUnavailable
from app.core.files import FileRecord, StoredFile
from app.files.storage import BlobWriter, FileStorage
from app.store.files.file_table import UPLOAD_SECONDS, FileTable

__all__ = ["FileStore"]

P = ParamSpec("P")
T = TypeVar("T")

# The pieces that are written at once. The memory of an upload is at most twice this size.
_PIECE_BYTES: Final = 1024 * 1024
# The room for an upload whose size is not known is reserved in these steps.
_RESERVATION_BYTES: Final = 16 * 1024 * 1024
_THREADS: Final = 16
# Shorter than UPLOAD_SECONDS: the blob of an upload that still runs must not be deleted.
_MAX_UPLOAD_SECONDS: Final = UPLOAD_SECONDS / 2
_log: Final = structlog.get_logger(__name__)


class FileStore:
    """The files of all callers. Every method raises StoreUnavailable or FileStorageUnavailable during an outage.

    Args:
        table: The file table.
        storage: Keeps the contents.
        max_file_bytes: Maximum size of a file, in addition to that of the storage.

    Attributes:
        table: The file table.
        max_file_bytes: Maximum size of a file.
    """

    def __init__(self, table: FileTable, storage: FileStorage, max_file_bytes: int) -> None:
        self.table = table
        self.max_file_bytes = min(max_file_bytes, storage.max_blob_bytes or max_file_bytes)
        self._storage = storage
        # The storage blocks. Its threads must not take those of other work.
        self._threads = ThreadPoolExecutor(_THREADS, "file-storage")

    async def put(
        self, caller: Caller, pieces: AsyncIterator[bytes], size_bytes: int | None = None, name: str = ""
    ) -> FileRecord:
        """Store a file. The memory does not depend on its size.

        Args:
            caller: The owner, whose quota the file counts for.
            pieces: The content.
            size_bytes: Its size, if it is known.
            name: A name for people.

        Raises:
            FileTooLarge: The file is larger than the maximum.
            FilesFull: The quota of the owner is reached.
        """
        self._check_size(size_bytes or 0)
        upload = _Upload(self, caller, secrets.token_hex(16), size_bytes)
        try:
            async with asyncio.timeout(_MAX_UPLOAD_SECONDS):
                await upload.reserve(size_bytes or 0)
                async for piece in pieces:
                    await upload.add(piece)
                return await upload.finish(name)
        except TimeoutError as e:
            await upload.abandon()
            raise FileStorageUnavailable("the upload took too long") from e
        except BaseException:
            await upload.abandon()
            raise

    async def put_bytes(self, caller: Caller, content: bytes, name: str = "") -> FileRecord:
        """Store a content that is in memory; see `put`."""

        async def iterate() -> AsyncIterator[bytes]:
            yield content

        return await self.put(caller, iterate(), len(content), name)

    async def put_alias(self, alias: str, caller: Caller, content: bytes, name: str) -> FileRecord:
        """Store a content under an alias of the caller's choice. It replaces the file of this alias, if there is one.

        Raises as `put`.
        """
        replaced: FileRecord | None = None
        with suppress(NotFound):
            replaced = await self.find_alias(alias, caller.owner)
        if replaced is not None and replaced.digest == hashlib.sha256(content).hexdigest():
            return replaced
        record = await self.put_bytes(caller, content, name)
        await self.table.set_alias(alias, caller.owner, record.id)
        if replaced is not None:
            with suppress(NotFound):
                await self.delete(replaced.id, caller.owner)
        return record

    async def find_alias(self, alias: str, owner: str) -> FileRecord:
        """Return the file of an alias, and renew its expiry. Raises NotFound."""
        return await self.table.find_alias(alias, owner)

    async def open(self, record: FileRecord) -> AsyncIterator[bytes]:
        """Return an iterator over the content of a file, in pieces of at most 1 MiB. The first piece is read already.

        Raises:
            NotFound: The storage has lost the content. Another upload of the same content restores it.
        """
        pieces = self._storage.read(record.blob_id)
        try:
            first = await self.run(next, pieces, None)
        except BlobNotFound as e:
            _log.warning("file_content_lost", file_id=record.id, blob_id=record.blob_id)
            raise NotFound("the file storage has lost the content of this file; upload it again") from e

        async def iterate() -> AsyncIterator[bytes]:
            piece = first
            while piece is not None:
                yield piece
                piece = await self.run(next, pieces, None)

        return iterate()

    async def find(self, file_id: str, owner: str, *, renews: bool = False) -> FileRecord:
        """Return a file; see `FileTable.find`."""
        return await self.table.find(file_id, owner, renews=renews)

    async def delete(self, file_id: str, owner: str) -> None:
        """Delete a file; see `FileTable.delete`. The content is deleted within about a minute, unless it is needed."""
        await self.table.delete(file_id, owner)

    async def page(self, owner: str, after: str | None, count: int) -> tuple[Sequence[FileRecord], str | None]:
        """Return files of an owner, newest first, and the cursor of the next page; see `FileTable.page`."""
        return await self.table.page(owner, after, count)

    async def use(self, job_id: str, owner: str, file_ids: Iterable[str]) -> Mapping[str, StoredFile]:
        """Keep files for a job that is about to be submitted; see `FileTable.use`."""
        return await self.table.use(job_id, owner, file_ids)

    async def release(self, job_id: str) -> None:
        """Release the files of a job that was not accepted. An outage delays it."""
        with suppress(StoreUnavailable):
            await self.table.release(job_id)

    async def check(self) -> None:
        """Check that the storage answers and can be written to."""
        await self.run(self._storage.check)

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a function of the storage in a thread."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, lambda: function(*args, **kwargs))

    def has_blob(self, blob_id: str) -> bool:
        """Return whether the storage has a blob. Blocks."""
        pieces = self._storage.read(blob_id)
        try:
            next(pieces, None)
        except BlobNotFound:
            return False
        return True

    def create_blob(self, blob_id: str) -> BlobWriter:
        """Start to write a blob. Blocks."""
        return self._storage.create(blob_id)

    def close(self) -> None:
        """Stop the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _check_size(self, size_bytes: int) -> None:
        if size_bytes > self.max_file_bytes:
            raise FileTooLarge(f"a file must be at most {self.max_file_bytes} bytes")


class _Upload:
    """One upload.

    Args:
        size_bytes: The size that the client has announced, or None.
    """

    def __init__(self, store: FileStore, caller: Caller, file_id: str, size_bytes: int | None) -> None:
        self._store = store
        self._caller = caller
        self._id = file_id
        self._announced_bytes = size_bytes
        self._reserved_bytes = 0
        self._size_bytes = 0
        self._digest = hashlib.sha256()
        self._buffer = bytearray()
        self._writer: BlobWriter | None = None

    async def reserve(self, size_bytes: int) -> None:
        await self._store.table.reserve(self._id, self._caller, size_bytes)
        self._reserved_bytes = size_bytes

    async def add(self, piece: bytes) -> None:
        self._size_bytes += len(piece)
        if self._size_bytes > self._store.max_file_bytes:
            raise FileTooLarge(f"a file must be at most {self._store.max_file_bytes} bytes")
        if self._size_bytes > self._reserved_bytes:
            step_bytes = min(self._size_bytes + _RESERVATION_BYTES, self._store.max_file_bytes)
            await self.reserve(max(step_bytes, self._size_bytes))
        self._buffer += piece
        if len(self._buffer) >= _PIECE_BYTES:
            await self._flush()

    async def finish(self, name: str) -> FileRecord:
        await self._flush()
        assert self._writer is not None
        await self._store.run(self._writer.commit)
        digest = self._digest.hexdigest()
        stored = await self._store.table.find_blob(digest)
        lost = stored if stored is not None and not await self._store.run(self._store.has_blob, stored) else None
        record = await self._store.table.register(
            self._id, self._caller, name, digest, self._size_bytes, lost_blob_id=lost
        )
        self._writer = None
        return record

    async def abandon(self) -> None:
        """Discard the upload. If Redis does not answer, the upload is found abandoned later."""
        writer, self._writer = self._writer, None
        if writer is not None:
            await asyncio.shield(self._store.run(writer.abort))
        if self._reserved_bytes or self._size_bytes or writer is not None:
            with suppress(StoreUnavailable):
                await asyncio.shield(self._store.table.abandon(self._id, self._caller.owner))

    async def _flush(self) -> None:
        data, self._buffer = bytes(self._buffer), bytearray()
        await self._store.run(self._write, data)

    def _write(self, data: bytes) -> None:
        if self._writer is None:
            self._writer = self._store.create_blob(self._id)
        self._digest.update(data)
        self._writer.write(data)
