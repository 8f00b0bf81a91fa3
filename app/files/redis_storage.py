"""The file storage in Redis: each blob is a string."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

import redis
import redis.exceptions

from app.core.errors import BlobNotFound, FileStorageUnavailable

__all__ = ["RedisStorage"]

_MIB: Final = 1024 * 1024
_PIECE_BYTES: Final = _MIB
_MAX_BLOB_BYTES: Final = 64 * _MIB
# Half of the memory that the embedded server and the server in Compose have by default.
_CAPACITY_BYTES: Final = 512 * _MIB
# A blob that is being written is deleted if nothing is appended to it for this time.
_UPLOAD_SECONDS: Final = 3600


class RedisStorage:
    """Implements the ``FileStorage`` port with a Redis server.

    Args:
        client: Client of the server.
        namespace: Prefix of the keys.
    """

    max_blob_bytes: int | None = _MAX_BLOB_BYTES
    capacity_bytes: int | None = _CAPACITY_BYTES

    def __init__(self, client: redis.Redis, namespace: str) -> None:
        self._client = client
        self._prefix = f"{{{namespace}:files}}"

    def create(self, blob_id: str) -> _RedisWriter:
        """Start to write a blob. It has another key until it is complete."""
        return _RedisWriter(self._client, self._upload_key(blob_id), self._blob_key(blob_id))

    def read(self, blob_id: str) -> Iterator[bytes]:
        """Yield the content of a blob.

        Raises:
            BlobNotFound: The blob does not exist.
        """
        key, position = self._blob_key(blob_id), 0
        while True:
            with _translated():
                piece: Any = self._client.getrange(key, position, position + _PIECE_BYTES - 1)
                if not piece and not self._client.exists(key):
                    raise BlobNotFound(blob_id)
            if piece:
                yield piece
            if len(piece) < _PIECE_BYTES:
                return
            position += len(piece)

    def delete(self, blob_id: str) -> None:
        """Delete a blob."""
        with _translated():
            self._client.unlink(self._blob_key(blob_id), self._upload_key(blob_id))

    def check(self) -> None:
        """Check that the server accepts a write."""
        with _translated():
            self._client.set(f"{self._prefix}:ping", b"", px=1000)

    def _blob_key(self, blob_id: str) -> str:
        return f"{self._prefix}:blob:{blob_id}"

    def _upload_key(self, blob_id: str) -> str:
        return f"{self._prefix}:upload:{blob_id}"


class _RedisWriter:
    def __init__(self, client: redis.Redis, upload_key: str, blob_key: str) -> None:
        self._client = client
        self._upload_key = upload_key
        self._blob_key = blob_key
        self._position = 0

    def write(self, data: bytes | memoryview) -> None:
        # SETRANGE, unlike APPEND, can be repeated after a lost reply.
        for start in range(0, len(data), _PIECE_BYTES):
            piece = bytes(data[start : start + _PIECE_BYTES])
            with _translated(), self._client.pipeline(transaction=False) as pipeline:
                pipeline.setrange(self._upload_key, self._position, piece)
                pipeline.expire(self._upload_key, _UPLOAD_SECONDS)
                pipeline.execute()
            self._position += len(piece)

    def commit(self) -> None:
        with _translated():
            if not self._position:
                self._client.set(self._blob_key, b"")
            # After a lost reply, the upload does not exist any more.
            elif self._client.exists(self._upload_key):
                self._client.persist(self._upload_key)
                self._client.rename(self._upload_key, self._blob_key)
            elif not self._client.exists(self._blob_key):
                raise FileStorageUnavailable("Redis has lost a part of the file")

    def abort(self) -> None:
        with suppress(redis.RedisError, OSError):
            self._client.unlink(self._upload_key)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (redis.exceptions.RedisError, OSError) as e:
        raise FileStorageUnavailable(f"Redis: {type(e).__name__}: {e}") from e
