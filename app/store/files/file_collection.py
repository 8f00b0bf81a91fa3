"""Removal of expired files and of blobs that nothing needs."""

from __future__ import annotations

from typing import Any, Final

import redis
import structlog

from app.core.errors import FileStorageUnavailable
from app.files.storage import FileStorage
from app.store.files.file_table import SUBMISSION_SECONDS, read_file_lua
from app.store.keys import StoreKeys

__all__ = ["FileCollection"]

_BATCH_SIZE: Final = 100
_RETRY_SECONDS: Final = 60
_log: Final = structlog.get_logger(__name__)


class FileCollection:
    """Removes what is no longer needed. Any number of processes may do so at once.

    Args:
        client: Redis client.
        keys: Key names.
        storage: The file storage.
        ttl_seconds: How long a file is kept after the end of the last job that needs it.
    """

    def __init__(self, client: redis.Redis, keys: StoreKeys, storage: FileStorage, ttl_seconds: int) -> None:
        self._client = client
        self._keys = keys
        self._storage = storage
        self._ttl_seconds = ttl_seconds
        self._release: Any = client.register_script(read_file_lua("release_files"))
        self._expire: Any = client.register_script(read_file_lua("expire_files"))

    def run(self) -> int:
        """Release the files of finished jobs, remove expired files and delete blobs that nothing needs.

        Returns:
            The number of deleted blobs.

        Raises:
            redis.RedisError: Redis did not answer. The next run continues.
        """
        table = [self._keys.file("")]
        for encoded_job_id, _ in self._client.zscan_iter(self._keys.jobs_with_files, count=_BATCH_SIZE):
            self._release(keys=table, args=[encoded_job_id, self._ttl_seconds, SUBMISSION_SECONDS])
        while self._expire(keys=table, args=[_BATCH_SIZE, _RETRY_SECONDS]):
            pass
        return sum(self._delete(encoded_id) for encoded_id in list(self._client.sscan_iter(self._keys.unused_blobs)))

    def _delete(self, encoded_blob_id: bytes) -> bool:
        """Delete a blob. Its id is never used again, so that no file can need it meanwhile."""
        try:
            self._storage.delete(encoded_blob_id.decode())
        except FileStorageUnavailable as e:
            _log.warning("blob_not_deleted", error=str(e))
            return False
        return bool(self._client.srem(self._keys.unused_blobs, encoded_blob_id))
