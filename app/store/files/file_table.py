"""The file table in Redis: the owner, size, digest and expiry of each file, and the quota of each owner.

Three steps connect the table with the file storage, so that no failure loses or leaks a blob: `reserve_file` notes an
upload, `register_file` makes it a file or notes that its blob is not needed, and `file_collection.py` deletes the blobs
that nothing needs. Equal contents share a blob.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from redis.asyncio import Redis

from app.broker import read_ledger_lua
from app.core.callers import Caller
from app.core.errors import FilesFull, FileStorageUnavailable, NotFound
from app.core.files import FileRecord, StoredFile, is_file_id
from app.store.connection import StoreScript, read_lua, translated
from app.store.keys import StoreKeys
from app.store.sorted_pages import read_page

__all__ = ["FILE_OVERHEAD_BYTES", "SUBMISSION_SECONDS", "UPLOAD_SECONDS", "FileTable", "read_file_lua"]

#: What the quota counts for each file in addition to its content.
FILE_OVERHEAD_BYTES: Final = 1024
#: An upload that takes longer counts as abandoned.
UPLOAD_SECONDS: Final = 3600
#: Files are kept for a job that is being submitted for this time.
SUBMISSION_SECONDS: Final = 300
_NOT_FOUND: Final = "this caller has no file with this id, or it has expired"


def read_file_lua(name: str) -> str:
    """Return the text of a script that uses the file table. It runs although Redis is out of memory if it frees it."""
    flags = "" if name in ("reserve_file", "register_file", "use_files") else " flags=allow-oom"
    return f"#!lua{flags}\n{read_ledger_lua()}{read_lua('files/file_table')}{read_lua(f'files/{name}')}"


class FileTable:
    """The file table, for gateways. Every method raises StoreUnavailable if Redis does not answer.

    Args:
        client: Redis client. It may repeat a command whose reply was lost: every script may run twice.
        keys: Key names.
        ttl_seconds: How long a file is kept after its last use.
        capacity_bytes: What the file storage can keep. None if there is no limit.
    """

    def __init__(self, client: Redis, keys: StoreKeys, ttl_seconds: int, capacity_bytes: int | None) -> None:
        self._client = client
        self._keys = keys
        self._ttl_seconds = ttl_seconds
        self._capacity_bytes = capacity_bytes
        self._scripts = {
            name: StoreScript(client, read_file_lua(name))
            for name in (
                "reserve_file", "register_file", "abandon_file", "find_file", "use_files", "release_files",
                "delete_file",
            )
        }  # fmt: skip

    async def reserve(self, file_id: str, caller: Caller, size_bytes: int) -> None:
        """Reserve room for an upload. Call it again with a larger size if its size is not known in advance.

        Raises:
            FilesFull: The file does not fit into the quota of the owner, or into the storage.
        """
        quota_bytes = caller.tier.file_bytes
        status, owned_bytes, all_bytes = await self._run(
            "reserve_file",
            [
                file_id, caller.owner, size_bytes + FILE_OVERHEAD_BYTES, quota_bytes,
                "" if self._capacity_bytes is None else self._capacity_bytes, UPLOAD_SECONDS,
            ],
        )  # fmt: skip
        if status == b"quota":
            raise FilesFull(owned_bytes, quota_bytes)
        if status == b"capacity":
            assert self._capacity_bytes is not None
            raise FilesFull(all_bytes, self._capacity_bytes)

    async def find_blob(self, digest: str) -> str | None:
        """Return the blob that has the content with a SHA-256. None if no file has this content."""
        with translated():
            blob_id: Any = await self._client.get(self._keys.blob(digest))
        return None if blob_id is None else str(blob_id.decode())

    async def register(
        self,
        file_id: str,
        caller: Caller,
        name: str,
        digest: str,
        size_bytes: int,
        *,
        lost_blob_id: str | None = None,
    ) -> FileRecord:
        """Make an upload a file. Its blob must be complete.

        Args:
            file_id: The upload, and its blob.
            caller: The owner.
            name: A name for people.
            digest: SHA-256 of the content in hexadecimal.
            size_bytes: Size of the content.
            lost_blob_id: A blob that the storage has lost. All files with this blob get that of the upload.

        Returns:
            The file. If its blob is not that of the upload, the storage had the content already.

        Raises:
            FileStorageUnavailable: The upload took longer than UPLOAD_SECONDS.
        """
        counted_bytes = size_bytes + FILE_OVERHEAD_BYTES
        reply = await self._run(
            "register_file",
            [file_id, caller.owner, name, digest, size_bytes, counted_bytes, self._ttl_seconds, lost_blob_id or ""],
        )
        if reply[0] == b"abandoned":
            raise FileStorageUnavailable("the upload took too long")
        _, blob_id, created_at_ms, expires_at_ms = reply
        return FileRecord(
            id=file_id,
            owner=caller.owner,
            name=name,
            blob_id=blob_id.decode(),
            digest=digest,
            size_bytes=size_bytes,
            created_at_ms=int(created_at_ms),
            expires_at_ms=int(expires_at_ms),
        )

    async def abandon(self, file_id: str, owner: str) -> None:
        """End an upload that has failed."""
        await self._run("abandon_file", [file_id, owner])

    async def find(self, file_id: str, owner: str, *, renews: bool = False) -> FileRecord:
        """Return a file.

        Args:
            file_id: The file.
            owner: The owner.
            renews: Whether this is a use, which renews the expiry.

        Raises:
            NotFound: The owner has no file with this id, or it has expired.
        """
        reply = await self._run("find_file", [file_id, owner, self._ttl_seconds if renews else ""])
        if not reply:
            raise NotFound(_NOT_FOUND)
        name, digest, blob_id, size_bytes, created_at_ms, expires_at_ms = reply
        return FileRecord(
            id=file_id,
            owner=owner,
            name=name.decode(),
            blob_id=blob_id.decode(),
            digest=digest.decode(),
            size_bytes=int(size_bytes),
            created_at_ms=int(created_at_ms),
            expires_at_ms=int(expires_at_ms),
        )

    async def set_alias(self, alias: str, owner: str, file_id: str) -> None:
        """Let an alias refer to a file. It expires like the file."""
        with translated():
            await self._client.set(self._alias_key(alias, owner), file_id, ex=self._ttl_seconds)

    async def find_alias(self, alias: str, owner: str) -> FileRecord:
        """Return the file of an alias. This is a use, which renews the expiry of both.

        Raises:
            NotFound: The owner has no file with this alias, or it has expired.
        """
        with translated():
            file_id: Any = await self._client.getex(self._alias_key(alias, owner), ex=self._ttl_seconds)
        if file_id is None:
            raise NotFound(_NOT_FOUND)
        return await self.find(file_id.decode(), owner, renews=True)

    async def use(self, job_id: str, owner: str, file_ids: Iterable[str]) -> Mapping[str, StoredFile]:
        """Keep files for a job that is about to be submitted. They are kept until the job has finished.

        Args:
            job_id: The job. If it is not submitted within SUBMISSION_SECONDS, the files are released.
            owner: The owner of the files.
            file_ids: The files.

        Returns:
            The files that exist. If one is missing, none is kept.
        """
        names = list(dict.fromkeys(file_ids))
        known = [name for name in names if is_file_id(name)]
        if not known:
            return {}
        # An id that cannot exist must not keep the others.
        if len(known) < len(names):
            return {}
        replies = await self._run("use_files", [job_id, owner, self._ttl_seconds, *known])
        return {
            file_id: StoredFile(file_id, blob_id.decode(), digest.decode(), int(size_bytes))
            for file_id, (digest, blob_id, size_bytes) in _existing(known, replies)
        }

    async def release(self, job_id: str) -> None:
        """Release the files of a job that was not accepted."""
        await self._run("release_files", [job_id, self._ttl_seconds, 0])

    async def delete(self, file_id: str, owner: str) -> None:
        """Delete a file. Queued and running jobs that refer to it keep its content.

        Raises:
            NotFound: The owner has no file with this id.
        """
        if not await self._run("delete_file", [file_id, owner]):
            raise NotFound(_NOT_FOUND)

    async def page(self, owner: str, after: str | None, count: int) -> tuple[Sequence[FileRecord], str | None]:
        """Return files of an owner, newest first, and the cursor of the next page.

        Args:
            owner: The owner.
            after: Cursor of the previous page; None for the first page.
            count: Maximum number of files. The page can be shorter if more pages follow.

        Raises:
            InvalidRequest: The cursor is invalid; names ``after``.
        """
        with translated():
            ids, next_cursor = await read_page(self._client, self._keys.owned_files(owner), after, count)
        records = []
        for file_id in ids:
            with suppress(NotFound):  # it has expired
                records.append(await self.find(file_id, owner))
        return records, next_cursor

    def _alias_key(self, alias: str, owner: str) -> str:
        return self._keys.file_alias(owner, hashlib.sha256(alias.encode()).hexdigest())

    async def _run(self, name: str, args: Sequence[str | int]) -> Any:
        with translated():
            return await self._scripts[name](keys=[self._keys.file("")], args=args)


def _existing(file_ids: Sequence[str], replies: Sequence[Sequence[bytes]]) -> Iterable[tuple[str, Sequence[bytes]]]:
    return ((file_id, reply) for file_id, reply in zip(file_ids, replies, strict=True) if reply)
