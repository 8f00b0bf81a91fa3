"""The stored workspaces and files of all owners, for operators."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from redis.asyncio import Redis

from app.store.connection import translated
from app.store.keys import StoreKeys
from app.store.workspaces.workspace_store import decode_files

__all__ = ["MAX_LISTED", "FileEntry", "FileInventory", "Inventory", "WorkspaceEntry", "WorkspaceInventory"]

#: The entries that a list contains. The totals count all of them.
MAX_LISTED: Final = 100
_FILE_FIELDS: Final = ("owner", "name", "size", "created_ms", "expires_ms")


class WorkspaceEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A workspace. Times are Unix milliseconds.

    Attributes:
        files: Number of its files.
        jobs: Jobs that use it or wait for it.
    """

    id: str
    owner: str
    version: int
    files: int
    size_bytes: int
    jobs: int
    created_at_ms: int
    expires_at_ms: int


class WorkspaceInventory(msgspec.Struct, frozen=True, kw_only=True):
    """Workspaces. ``total`` also counts those that are not listed, and some that have expired."""

    total: int
    workspaces: Sequence[WorkspaceEntry]


class FileEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A file. Times are Unix milliseconds."""

    id: str
    owner: str
    name: str
    size_bytes: int
    created_at_ms: int
    expires_at_ms: int


class FileInventory(msgspec.Struct, frozen=True, kw_only=True):
    """Files. ``total`` also counts those that are not listed.

    Attributes:
        size_bytes: What all files, uploads and workspaces count for the quotas.
    """

    total: int
    size_bytes: int
    files: Sequence[FileEntry]


class Inventory:
    """Lists what callers have stored. Every method raises StoreUnavailable if Redis does not answer.

    Args:
        client: Redis client.
        keys: Key names.
    """

    def __init__(self, client: Redis, keys: StoreKeys) -> None:
        self._client = client
        self._keys = keys

    async def workspaces(self) -> WorkspaceInventory:
        """Return up to MAX_LISTED workspaces, those that expire last first."""
        with translated():
            async with self._client.pipeline(transaction=False) as pipeline:
                pipeline.zcard(self._keys.workspace_garbage)
                pipeline.zrevrange(self._keys.workspace_garbage, 0, MAX_LISTED - 1)
                total, encoded_ids = await pipeline.execute()
            ids = [encoded_id.decode() for encoded_id in encoded_ids]
            async with self._client.pipeline(transaction=False) as pipeline:
                for workspace_id in ids:
                    pipeline.hmget(self._keys.workspace(workspace_id), "owner", "version", "files", "created_ms")
                    pipeline.pexpiretime(self._keys.workspace(workspace_id))
                    pipeline.zcard(self._keys.workspace_jobs(workspace_id))
                replies = await pipeline.execute()
        entries = [
            _workspace_entry(workspace_id, *replies[3 * index : 3 * index + 3])
            for index, workspace_id in enumerate(ids)
            if replies[3 * index][0] is not None  # the workspace has expired
        ]
        entries.sort(key=lambda entry: entry.expires_at_ms, reverse=True)
        return WorkspaceInventory(total=total, workspaces=entries)

    async def files(self) -> FileInventory:
        """Return up to MAX_LISTED files, those that expire last first."""
        with translated():
            async with self._client.pipeline(transaction=False) as pipeline:
                pipeline.zcard(self._keys.file_expiry)
                pipeline.hget(self._keys.all_file_storage, ":total")
                pipeline.zrevrange(self._keys.file_expiry, 0, MAX_LISTED - 1)
                total, size_bytes, encoded_ids = await pipeline.execute()
            ids = [encoded_id.decode() for encoded_id in encoded_ids]
            async with self._client.pipeline(transaction=False) as pipeline:
                for file_id in ids:
                    pipeline.hmget(self._keys.file(file_id), *_FILE_FIELDS)
                replies = await pipeline.execute()
        entries = [
            _file_entry(file_id, reply)
            for file_id, reply in zip(ids, replies, strict=True)
            if reply[0] is not None  # the file was deleted in the meantime
        ]
        return FileInventory(total=total, size_bytes=int(size_bytes or 0), files=entries)


def _workspace_entry(workspace_id: str, fields: Any, expires_at_ms: int, jobs: int) -> WorkspaceEntry:
    owner, version, encoded_files, created_ms = fields
    files = decode_files(encoded_files)
    return WorkspaceEntry(
        id=workspace_id,
        owner=owner.decode(),
        version=int(version),
        files=len(files),
        size_bytes=sum(file.size_bytes for file in files.values()),
        jobs=jobs,
        created_at_ms=int(created_ms),
        expires_at_ms=int(expires_at_ms),
    )


def _file_entry(file_id: str, fields: Any) -> FileEntry:
    owner, name, size, created_ms, expires_ms = fields
    return FileEntry(
        id=file_id,
        owner=owner.decode(),
        name=name.decode(errors="replace"),
        size_bytes=int(size),
        created_at_ms=int(float(created_ms)),
        expires_at_ms=int(float(expires_ms)),
    )
