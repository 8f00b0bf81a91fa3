"""Storages for the tests of the file storage."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator

import pytest
import redis

from app.core.files import StoredFile
from app.files.redis_storage import RedisStorage
from app.files.storage import FileStorage


@pytest.fixture
def redis_client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as connected:
        yield connected


@pytest.fixture
def redis_storage(redis_client: redis.Redis, namespace: str) -> RedisStorage:
    return RedisStorage(redis_client, namespace)


def write_blob(storage: FileStorage, *pieces: bytes) -> StoredFile:
    """Write a blob and return the file that a job would refer to."""
    blob_id, content = secrets.token_hex(16), b"".join(pieces)
    writer = storage.create(blob_id)
    for piece in pieces:
        writer.write(piece)
    writer.commit()
    return StoredFile(secrets.token_hex(16), blob_id, hashlib.sha256(content).hexdigest(), len(content))
