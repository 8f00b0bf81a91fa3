"""The workspaces of the gateway: creation, files and deletion."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, Final

import msgspec
import structlog
from redis.asyncio import Redis

from app.broker import read_ledger_lua
from app.core.callers import Caller
from app.core.errors import (
    BlobNotFound,
    FilesFull,
    FileStorageUnavailable,
    FileTooLarge,
    InvalidRequest,
    NotFound,
    PyxecError,
    StoreUnavailable,
    TooManyWorkspaces,
    WorkspaceBusy,
)
from app.core.workspaces import (
    MAX_WORKSPACE_BYTES,
    MAX_WORKSPACE_FILES,
    WORKSPACE_OVERHEAD_BYTES,
    Workspace,
    WorkspaceFile,
    WorkspaceMode,
    is_executable,
)
from app.files.storage import FileStorage
from app.store.connection import StoreScript, read_lua, translated
from app.store.keys import StoreKeys
from app.store.sorted_pages import read_page

__all__ = ["BLOB_SECONDS", "WorkspaceStore", "decode_files", "encode_files", "read_workspace_lua"]

#: A blob that no file needs is kept for this time: longer than a job can take between writing it and its end.
BLOB_SECONDS: Final = 3600
MAX_WORKSPACES: Final = 1000
#: The file quota bounds the number of sessions as well: each counts WORKSPACE_OVERHEAD_BYTES.
MAX_SESSIONS: Final = 10_000
#: No session is removed within this time after its last use.
SESSION_SECONDS: Final = 3600
#: Sessions are removed as long as more than this share of the file quota is used.
SESSION_QUOTA_SHARE: Final = 0.75
MAX_WAITING_JOBS: Final = 100
_MISSING: Final = "this caller has no workspace with this id, or it has expired"
_BUSY: Final = "a job uses the workspace"
_FULL: Final = f"{MAX_WAITING_JOBS} jobs use the workspace or wait for it"
_PIECE_BYTES: Final = 1024 * 1024
_log: Final = structlog.get_logger(__name__)
_files_decoder: Final = msgspec.json.Decoder(dict[str, WorkspaceFile])
_encoder: Final = msgspec.json.Encoder()


def read_workspace_lua(name: str) -> str:
    """Return the text of a script that uses workspaces."""
    return f"{read_ledger_lua()}{read_lua('workspaces/workspace')}{read_lua(f'workspaces/{name}')}"


def encode_files(files: dict[str, WorkspaceFile]) -> bytes:
    """Encode the field ``files`` of a workspace."""
    return _encoder.encode(files)


def decode_files(value: bytes) -> dict[str, WorkspaceFile]:
    """Decode the field ``files`` of a workspace."""
    return _files_decoder.decode(value)


class WorkspaceStore:
    """Workspaces. Every method raises StoreUnavailable or FileStorageUnavailable during an outage.

    Args:
        client: Redis client.
        keys: Key names.
        storage: Keeps the contents of files.
        run_in_thread: Calls a blocking function of the storage in a thread.
        ttl_seconds: How long a workspace is kept after its last use.
    """

    def __init__(
        self,
        client: Redis,
        keys: StoreKeys,
        storage: FileStorage,
        run_in_thread: Callable[..., Awaitable[Any]],
        ttl_seconds: int,
    ) -> None:
        self._client = client
        self._keys = keys
        self._storage = storage
        self._run_in_thread = run_in_thread
        self._ttl_seconds = ttl_seconds
        self._scripts = {
            name: StoreScript(client, read_workspace_lua(f"workspace_{name}"))
            for name in ("create", "renew", "join", "change", "delete")
        }

    async def create(self, caller: Caller) -> Workspace:
        """Create an empty workspace.

        Raises:
            TooManyWorkspaces: The caller has MAX_WORKSPACES of them.
            FilesFull: The file quota of the caller is reached.
        """
        return await self._create(secrets.token_hex(16), caller, MAX_WORKSPACES, is_session=False)

    async def create_session(self, session_id: str, caller: Caller) -> Workspace:
        """Create an empty workspace for a client that creates many and does not delete them.

        If the caller has MAX_SESSIONS of them, or has used SESSION_QUOTA_SHARE of its file quota, its least recently
        used sessions are removed, but none within SESSION_SECONDS after its last use.

        Args:
            session_id: An id that cannot be guessed.
            caller: The owner.

        Raises:
            TooManyWorkspaces: The caller has used MAX_SESSIONS of them recently.
            FilesFull: The file quota of the caller is reached.
        """
        return await self._create(session_id, caller, MAX_SESSIONS, is_session=True)

    async def _create(self, workspace_id: str, caller: Caller, max_count: int, *, is_session: bool) -> Workspace:
        quota_bytes, capacity_bytes = caller.tier.file_bytes, self._storage.capacity_bytes
        reply = await self._run(
            "create",
            workspace_id,
            [
                caller.owner, int(is_session), max_count, quota_bytes, "" if capacity_bytes is None else capacity_bytes,
                WORKSPACE_OVERHEAD_BYTES, int((1 - SESSION_QUOTA_SHARE) * quota_bytes), SESSION_SECONDS,
            ],
        )  # fmt: skip
        match reply[0]:
            case b"too_many":
                raise TooManyWorkspaces(f"at most {max_count} workspaces exist at one time for a caller")
            case b"quota":
                raise FilesFull(int(reply[1]), quota_bytes)
            case b"capacity":
                raise FilesFull(int(reply[1]), capacity_bytes or 0)
        return await self.get(workspace_id, caller.owner)

    async def get(self, workspace_id: str, owner: str) -> Workspace:
        """Return a workspace with the list of its files.

        Raises:
            NotFound: The owner has no workspace with this id.
        """
        key = self._keys.workspace(workspace_id)
        with translated():
            async with self._client.pipeline(transaction=True) as pipeline:
                pipeline.hmget(key, "owner", "created_ms", "version", "files")
                pipeline.pexpiretime(key)
                (stored_owner, created_ms, version, files), expires_at_ms = await pipeline.execute()
        if stored_owner is None or stored_owner.decode() != owner:
            raise NotFound(_MISSING)
        return Workspace(
            id=workspace_id,
            owner=owner,
            created_at_ms=int(created_ms),
            expires_at_ms=int(expires_at_ms),
            version=int(version),
            files=decode_files(files),
        )

    async def page(self, owner: str, after: str | None, count: int) -> tuple[Sequence[Workspace], str | None]:
        """Return workspaces of an owner without sessions, the most recently used one first, and the next cursor.

        Args:
            owner: The owner.
            after: Cursor of the previous page; None for the first page.
            count: Maximum number of workspaces. The page can be shorter if more pages follow.

        Raises:
            InvalidRequest: The cursor is invalid; names ``after``.
        """
        with translated():
            ids, next_cursor = await read_page(self._client, self._keys.owned_workspaces(owner), after, count)
        found: list[Workspace] = []
        for workspace_id in ids:
            with suppress(NotFound):  # it has expired
                found.append(await self.get(workspace_id, owner))
        return found, next_cursor

    async def delete(self, workspace_id: str, owner: str) -> None:
        """Delete a workspace with its files.

        Raises:
            NotFound: The owner has no workspace with this id.
            WorkspaceBusy: A job uses it.
        """
        reply = await self._run("delete", workspace_id, [owner])
        if reply == b"missing":
            raise NotFound(_MISSING)
        if reply == b"busy":
            raise WorkspaceBusy(_BUSY)

    async def read_file(self, workspace_id: str, owner: str, path: str) -> bytes:
        """Return the content of a file. This renews the expiry of the workspace.

        Raises:
            NotFound: There is no workspace with this id, or no file with this path, or its content is lost.
        """
        file = (await self.get(workspace_id, owner)).files.get(path)
        if file is None:
            raise NotFound("the workspace has no file with this path")
        await self._run("renew", workspace_id, [owner])
        try:
            content: bytes = await self._run_in_thread(lambda: b"".join(self._storage.read(file.blob_id)))
        except BlobNotFound as e:
            _log.warning("file_content_lost", workspace_id=workspace_id, blob_id=file.blob_id)
            raise NotFound("the file storage has lost the content of this file; write it again") from e
        return content

    async def write_file(self, workspace_id: str, caller: Caller, path: str, content: bytes) -> Workspace:
        """Create or replace a file.

        Raises:
            NotFound: The caller has no workspace with this id.
            WorkspaceBusy: A job uses it.
            InvalidRequest: The workspace has too many files.
            FileTooLarge: The files are too large together.
            FilesFull: The file quota of the caller is reached.
        """
        workspace = await self.get(workspace_id, caller.owner)
        _check_conflict(path, workspace.files)
        blob_id = secrets.token_hex(16)
        due_ms = int(time.time() * 1000) + 1000 * BLOB_SECONDS
        with translated():
            async with self._client.pipeline(transaction=True) as pipeline:
                pipeline.zadd(self._keys.workspace_blobs(workspace_id), {blob_id: due_ms})
                pipeline.zadd(self._keys.workspace_garbage, {workspace_id: due_ms}, lt=True)
                await pipeline.execute()
        await self._run_in_thread(lambda: write_blob(self._storage, blob_id, content))
        digest = await asyncio.to_thread(lambda: hashlib.sha256(content).hexdigest())
        file = WorkspaceFile(blob_id, digest, len(content), is_executable(content))
        try:
            await self._change(workspace_id, caller, path, _encoder.encode(file))
        except StoreUnavailable:
            raise  # the file may have been written
        except PyxecError:
            await self._delete_blob(workspace_id, blob_id)
            raise
        return await self.get(workspace_id, caller.owner)

    async def delete_file(self, workspace_id: str, caller: Caller, path: str) -> None:
        """Delete a file.

        Raises:
            NotFound: There is no workspace with this id, or no file with this path.
            WorkspaceBusy: A job uses it.
        """
        await self._change(workspace_id, caller, path, b"")

    async def join(self, workspace_id: str, caller: Caller, job_id: str, mode: WorkspaceMode) -> None:
        """Add a job that is being submitted to the jobs that use a workspace, or that wait for it.

        Raises:
            InvalidRequest: The caller has no workspace with this id. Names ``workspace``.
            WorkspaceBusy: Another job uses it, or too many jobs wait for it.
        """
        args = [caller.owner, job_id, int(mode is WorkspaceMode.WAIT), MAX_WAITING_JOBS, caller.tier.file_bytes]
        reply = await self._run("join", workspace_id, args)
        if reply == b"missing":
            raise InvalidRequest("workspace", "must be the id of a workspace of this caller that has not expired")
        if reply in (b"busy", b"full"):
            raise WorkspaceBusy(_BUSY if reply == b"busy" else _FULL)

    async def leave(self, workspace_id: str, job_id: str) -> None:
        """Remove a job that was not accepted."""
        with translated():
            async with self._client.pipeline(transaction=True) as pipeline:
                pipeline.zrem(self._keys.workspace_jobs(workspace_id), job_id)
                pipeline.delete(self._keys.workspace_submission(job_id))
                await pipeline.execute()

    async def _change(self, workspace_id: str, caller: Caller, path: str, file: bytes) -> None:
        capacity_bytes = self._storage.capacity_bytes
        reply = await self._run(
            "change",
            workspace_id,
            [
                caller.owner, path, file, MAX_WORKSPACE_FILES, MAX_WORKSPACE_BYTES, caller.tier.file_bytes,
                "" if capacity_bytes is None else capacity_bytes, WORKSPACE_OVERHEAD_BYTES,
            ],
        )  # fmt: skip
        match reply[0]:
            case b"changed":
                if reply[1]:
                    await self._delete_blob(workspace_id, reply[1].decode())
            case b"missing":
                raise NotFound(_MISSING)
            case b"busy":
                raise WorkspaceBusy(_BUSY)
            case b"no_file":
                raise NotFound("the workspace has no file with this path")
            case b"too_many":
                raise InvalidRequest("path", f"a workspace has at most {MAX_WORKSPACE_FILES} files")
            case b"too_large":
                raise FileTooLarge(f"the files of a workspace must be at most {MAX_WORKSPACE_BYTES} bytes together")
            case b"quota":
                raise FilesFull(int(reply[1]), caller.tier.file_bytes)
            case b"capacity":
                raise FilesFull(int(reply[1]), capacity_bytes or 0)

    async def _delete_blob(self, workspace_id: str, blob_id: str) -> None:
        """Delete a blob that no file needs. After a failure, `WorkspaceCollection` deletes it."""
        with suppress(FileStorageUnavailable, StoreUnavailable), translated():
            await self._run_in_thread(lambda: self._storage.delete(blob_id))
            await self._client.zrem(self._keys.workspace_blobs(workspace_id), blob_id)

    async def _run(self, name: str, workspace_id: str, args: Sequence[Any]) -> Any:
        with translated():
            keys = [self._keys.workspace("")]
            return await self._scripts[name](keys=keys, args=[workspace_id, self._ttl_seconds, *args])


def write_blob(storage: FileStorage, blob_id: str, content: bytes) -> None:
    """Write a whole blob. Blocks. Raises FileStorageUnavailable."""
    writer = storage.create(blob_id)
    try:
        view = memoryview(content)
        for start in range(0, len(content), _PIECE_BYTES):
            writer.write(view[start : start + _PIECE_BYTES])
        writer.commit()
    except BaseException:
        writer.abort()
        raise


def _check_conflict(path: str, files: dict[str, WorkspaceFile]) -> None:
    """Check that a path is not a file and a folder at once."""
    folders = {path.rsplit("/", depth)[0] for depth in range(1, path.count("/") + 1)}
    if folders & files.keys() or any(name.startswith(f"{path}/") for name in files):
        raise InvalidRequest("path", "is a file and a folder at once")
