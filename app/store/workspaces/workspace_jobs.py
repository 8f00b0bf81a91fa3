"""The workspaces of a worker: what a job finds in them and leaves in them, and the deletion of blobs."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import redis
import structlog

from app.broker import Effect
from app.core.errors import FileStorageUnavailable, InfrastructureError
from app.core.workspaces import (
    WORKSPACE_OVERHEAD_BYTES,
    WorkspaceFile,
    WorkspaceReport,
    check_workspace_size,
    count_bytes,
    is_executable,
)
from app.files.storage import FileStorage
from app.store.keys import StoreKeys
from app.store.workspaces.workspace_store import (
    BLOB_SECONDS,
    decode_files,
    encode_files,
    read_workspace_lua,
    write_blob,
)

__all__ = ["TakenWorkspace", "WorkspaceCollection", "WorkspaceJobs"]

_BATCH_SIZE: Final = 100
_log: Final = structlog.get_logger(__name__)


@dataclass(frozen=True)
class TakenWorkspace:
    """A workspace that a job uses.

    Attributes:
        files: Its files before the job.
        version: Its version before the job.
        available_bytes: What its files may take without exceeding the quota of the owner and the storage.
    """

    id: str
    owner: str
    files: dict[str, WorkspaceFile]
    version: int
    available_bytes: int


class WorkspaceJobs:
    """Takes workspaces for jobs, and writes the files that they leave.

    Args:
        client: Redis client.
        keys: Key names.
        storage: Keeps the contents of files.
        ttl_seconds: How long a workspace is kept after its last use.
    """

    def __init__(self, client: redis.Redis, keys: StoreKeys, storage: FileStorage, ttl_seconds: int) -> None:
        self._keys = keys
        self._storage = storage
        self._ttl_seconds = ttl_seconds
        self._collection = WorkspaceCollection(client, keys, storage, ttl_seconds)
        self._take: Any = client.register_script(read_workspace_lua("workspace_take"))

    def take(self, workspace_id: str, job_id: str) -> TakenWorkspace | None:
        """Take a workspace for a job that is about to start. Repeating it has no effect.

        Returns:
            The workspace; None if an earlier job uses it.

        Raises:
            KeyError: The workspace has expired.
            InfrastructureError: Redis did not answer.
        """
        try:
            reply = self._take(keys=[self._keys.workspace("")], args=[workspace_id, self._ttl_seconds, job_id])
        except (redis.RedisError, OSError) as e:
            raise InfrastructureError(f"Redis did not answer: {e}") from e
        if reply[0] == b"missing":
            raise KeyError(workspace_id)
        if reply[0] == b"waiting":
            return None
        _, files, version, owner, quota_bytes, owner_bytes, all_bytes, unneeded_blobs = reply
        if unneeded_blobs:  # so that a workspace never has the blobs of more than two versions
            self._collection.collect(workspace_id)
        available_bytes = int(quota_bytes) - int(owner_bytes)
        if self._storage.capacity_bytes is not None:
            available_bytes = min(available_bytes, self._storage.capacity_bytes - int(all_bytes))
        return TakenWorkspace(
            id=workspace_id,
            owner=owner.decode(),
            files=decode_files(files),
            version=int(version),
            available_bytes=available_bytes - WORKSPACE_OVERHEAD_BYTES,
        )

    def write(
        self,
        taken: TakenWorkspace,
        left: Mapping[str, bytes],
        hidden: Collection[str],
        commit: Callable[[Sequence[Effect]], object],
    ) -> tuple[WorkspaceReport, Sequence[Effect]]:
        """Write the contents of the files that a job left.

        Nothing refers to the contents until the returned effects are written with the end of the job. So the workspace
        has either all files from before the job or all files from after it.

        Args:
            taken: The workspace before the job.
            left: The content of each file after the job, by its path.
            hidden: Files of the workspace that the job could not see. They do not change.
            commit: Writes effects at once, if the worker still has the job.

        Returns:
            What the job changed, and the effects for its end.

        Raises:
            FileStorageUnavailable: The file storage does not answer.
            OwnershipLost: Raised by ``commit``.
        """
        digests = {path: hashlib.sha256(content).hexdigest() for path, content in left.items()}
        changed = [path for path in left if path not in taken.files or taken.files[path].digest != digests[path]]
        deleted = [path for path in taken.files if path not in left and path not in hidden]
        if not changed and not deleted:
            return WorkspaceReport(id=taken.id, version=taken.version), ()
        files = {path: file for path, file in taken.files.items() if path in left or path in hidden}
        sizes = [len(content) for content in left.values()]
        sizes += [files[path].size_bytes for path in hidden]
        if (error := self._check_size(taken, sizes)) is not None:
            return WorkspaceReport(id=taken.id, version=taken.version, error=error), ()
        blobs = {path: secrets.token_hex(16) for path in changed}
        if blobs:
            commit(self._register_blobs(taken, blobs.values()))
        for path, blob_id in blobs.items():
            write_blob(self._storage, blob_id, left[path])
        for path, blob_id in blobs.items():
            files[path] = WorkspaceFile(blob_id, digests[path], len(left[path]), is_executable(left[path]))
        report = WorkspaceReport(
            id=taken.id, version=taken.version + 1, changed=tuple(sorted(changed)), deleted=tuple(sorted(deleted))
        )
        return report, self._replace_files(taken, files, blobs.values())

    def _check_size(self, taken: TakenWorkspace, sizes: Sequence[int]) -> str | None:
        error = check_workspace_size(sizes)
        if error is None and sum(sizes) > max(taken.available_bytes, count_bytes(taken.files)):
            return f"workspace: the files take {sum(sizes)} bytes; the file quota has {taken.available_bytes} left"
        return error

    def _register_blobs(self, taken: TakenWorkspace, blob_ids: Iterable[str]) -> list[Effect]:
        due_ms = int(time.time() * 1000) + 1000 * BLOB_SECONDS
        scores = [value for blob_id in blob_ids for value in (due_ms, blob_id)]
        return [
            Effect("ZADD", self._keys.workspace_blobs(taken.id), *scores),
            Effect("ZADD", self._keys.workspace_garbage, "LT", due_ms, taken.id),
        ]

    def _replace_files(
        self, taken: TakenWorkspace, files: dict[str, WorkspaceFile], written: Iterable[str]
    ) -> list[Effect]:
        key, entry = self._keys.workspace(taken.id), f"workspace:{taken.id}"
        now_ms = int(time.time() * 1000)
        size_bytes = count_bytes(files) + WORKSPACE_OVERHEAD_BYTES
        effects = [
            Effect("HSET", key, "files", encode_files(files), "version", taken.version + 1),
            Effect("EXPIRE", key, self._ttl_seconds),
            Effect("ZADD", self._keys.workspace_garbage, "LT", now_ms, taken.id),
        ]
        needed = {file.blob_id for file in files.values()}
        unneeded = [file.blob_id for file in taken.files.values() if file.blob_id not in needed]
        blobs = self._keys.workspace_blobs(taken.id)
        effects += [Effect("ZADD", blobs, "inf", blob_id) for blob_id in written]
        effects += [Effect("ZADD", blobs, now_ms, blob_id) for blob_id in unneeded]
        for owned in (self._keys.owned_workspaces(taken.owner), self._keys.owned_sessions(taken.owner)):
            effects.append(Effect("ZADD", owned, "XX", now_ms, taken.id))
        for ledger in (self._keys.file_storage(taken.owner), self._keys.all_file_storage):
            effects.append(Effect("LEDGER.SET", ledger, entry, size_bytes))
            effects.append(Effect("LEDGER.EXPIRE", ledger, entry, 1000 * self._ttl_seconds))
        return effects


class WorkspaceCollection:
    """Deletes blobs that no workspace needs. Any number of processes may do so at once.

    Args:
        client: Redis client.
        keys: Key names.
        storage: Keeps the contents of files.
        ttl_seconds: How long a workspace is kept after its last use.
    """

    def __init__(self, client: redis.Redis, keys: StoreKeys, storage: FileStorage, ttl_seconds: int) -> None:
        self._client = client
        self._keys = keys
        self._storage = storage
        self._ttl_seconds = ttl_seconds
        self._find: Any = client.register_script(read_workspace_lua("workspace_garbage"))

    def run(self) -> int:
        """Delete the blobs that were due, and return their number. Raises ``redis.RedisError``."""
        now_ms = int(time.time() * 1000)
        due: Any = self._client.zrangebyscore(self._keys.workspace_garbage, "-inf", now_ms, 0, _BATCH_SIZE)
        return sum(self.collect(encoded_id.decode()) for encoded_id in due)

    def collect(self, workspace_id: str) -> int:
        """Delete the blobs of a workspace that are due, and return their number."""
        deleted = 0
        while blobs := self._find(keys=[self._keys.workspace("")], args=[workspace_id, self._ttl_seconds]):
            for encoded_blob_id in blobs:
                try:
                    self._storage.delete(encoded_blob_id.decode())
                except FileStorageUnavailable as e:
                    _log.warning("blob_not_deleted", error=str(e))
                    return deleted
            self._client.zrem(self._keys.workspace_blobs(workspace_id), *blobs)
            deleted += len(blobs)
        return deleted
