"""The contract of the file storage, for every implementation, with a real server behind each."""

from __future__ import annotations

import secrets
import socket
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.core.errors import BlobNotFound, FileStorageUnavailable
from app.files.folder_storage import FolderStorage
from app.files.redis_storage import RedisStorage
from app.files.s3_storage import S3Settings, S3Storage
from app.files.storage import FileStorage
from app.store.connection import create_client
from tests.files.conftest import write_blob
from tests.ports import free_port

MIB = 1024 * 1024


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """An S3 server: the one of moto, in a process of its own."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            _wait_for_port(port)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


def _wait_for_port(port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError("the S3 server does not answer")


@pytest.fixture
def s3_storage(s3_endpoint: str) -> S3Storage:
    storage = S3Storage(_s3_settings(s3_endpoint))
    storage._client.create_bucket(Bucket=storage._bucket)
    return storage


def _s3_settings(endpoint: str) -> S3Settings:
    bucket = f"pyxec-{secrets.token_hex(4)}"
    return S3Settings(bucket=bucket, prefix="files", endpoint=endpoint, access_key="key", secret_key="secret")


@pytest.fixture(params=["redis", "folder", "s3"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> FileStorage:
    if request.param == "folder":
        return FolderStorage(tmp_path)
    created: FileStorage = request.getfixturevalue(f"{request.param}_storage")
    return created


@pytest.fixture(params=["redis", "folder", "s3"])
def dead_storage(request: pytest.FixtureRequest, tmp_path: Path) -> FileStorage:
    """A storage whose server does not exist."""
    port = free_port()
    if request.param == "folder":
        return FolderStorage(tmp_path / "not-mounted")
    if request.param == "s3":
        return S3Storage(_s3_settings(f"http://127.0.0.1:{port}"))
    return RedisStorage(create_client(f"redis://127.0.0.1:{port}/0", 1), "pyxec")


@pytest.mark.parametrize("sizes", [(), (5,), (9 * MIB, 9 * MIB, 100)])
def test_blob_has_the_bytes_that_were_written(storage: FileStorage, sizes: tuple[int, ...]) -> None:
    pieces = [secrets.token_bytes(size) for size in sizes]
    file = write_blob(storage, *pieces)
    read = list(storage.read(file.blob_id))
    assert b"".join(read) == b"".join(pieces)
    assert max(map(len, read), default=0) <= MIB


def test_blob_is_not_found_after_deletion(storage: FileStorage) -> None:
    file, other = write_blob(storage, b"content"), write_blob(storage, b"other")
    for _ in range(2):
        storage.delete(file.blob_id)
    with pytest.raises(BlobNotFound):
        list(storage.read(file.blob_id))
    assert list(storage.read(other.blob_id)) == [b"other"]


def test_blob_is_not_found_before_it_is_committed(storage: FileStorage) -> None:
    write_blob(storage, b"another")
    blob_id = secrets.token_hex(16)
    writer = storage.create(blob_id)
    writer.write(bytes(9 * MIB))
    with pytest.raises(BlobNotFound):
        list(storage.read(blob_id))
    writer.abort()
    with pytest.raises(BlobNotFound):
        list(storage.read(blob_id))


def test_deletion_removes_what_a_killed_process_has_written(storage: FileStorage, tmp_path: Path) -> None:
    blob_id = secrets.token_hex(16)
    storage.create(blob_id).write(bytes(9 * MIB))
    storage.delete(blob_id)
    if isinstance(storage, S3Storage):
        assert "Uploads" not in storage._client.list_multipart_uploads(Bucket=storage._bucket)
    elif isinstance(storage, RedisStorage):
        assert not list(storage._client.scan_iter(f"{storage._prefix}*"))
    else:
        assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_memory_does_not_depend_on_the_size(storage: FileStorage) -> None:
    piece = bytes(MIB)
    tracemalloc.start()
    try:
        writer = storage.create("a" * 32)
        for _ in range(32):
            writer.write(piece)
        writer.commit()
        assert sum(map(len, storage.read("a" * 32))) == 32 * MIB
        assert tracemalloc.get_traced_memory()[1] < 28 * MIB
    finally:
        tracemalloc.stop()


def test_check_passes(storage: FileStorage) -> None:
    storage.check()


def test_outage_is_reported(dead_storage: FileStorage) -> None:
    with pytest.raises(FileStorageUnavailable):
        dead_storage.check()
    with pytest.raises(FileStorageUnavailable):
        list(dead_storage.read("a" * 32))
    with pytest.raises(FileStorageUnavailable):
        write_blob(dead_storage, b"content")


def test_wrong_bucket_is_an_outage(s3_endpoint: str) -> None:
    """A configuration error must not look like a lost file: the jobs wait until it is corrected."""
    storage = S3Storage(_s3_settings(s3_endpoint))
    with pytest.raises(FileStorageUnavailable):
        list(storage.read("a" * 32))
