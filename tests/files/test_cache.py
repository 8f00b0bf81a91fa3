"""The file cache of a worker: fetched once, bounded, and safe from processes that were killed."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.core.errors import BlobNotFound, FileStorageUnavailable
from app.core.files import StoredFile
from app.files.cache import FileCache
from app.files.redis_storage import RedisStorage
from tests.files.conftest import write_blob

MAX_BYTES = 1000


class CountingStorage(RedisStorage):
    """Counts reads, and waits in each for the other threads."""

    reads = 0

    def read(self, blob_id: str) -> Iterator[bytes]:
        self.reads += 1
        yield from super().read(blob_id)


@pytest.fixture
def storage(redis_storage: RedisStorage) -> CountingStorage:
    redis_storage.__class__ = CountingStorage
    assert isinstance(redis_storage, CountingStorage)
    return redis_storage


@pytest.fixture
def cache(storage: CountingStorage, tmp_path: Path) -> FileCache:
    return FileCache(storage, tmp_path / "cache", MAX_BYTES)


def cached(cache: FileCache, *files: StoredFile) -> list[bool]:
    return [cache._path(file.digest).exists() for file in files]


def test_file_is_fetched_once(cache: FileCache, storage: CountingStorage) -> None:
    file = write_blob(storage, b"content")
    for _ in range(3):
        with cache.open([file, file]) as paths:
            assert paths[file.digest].read_bytes() == b"content"
    assert storage.reads == 1


def test_concurrent_jobs_fetch_a_file_once(storage: CountingStorage, tmp_path: Path) -> None:
    file, barrier = write_blob(storage, bytes(500)), threading.Barrier(8)

    def run(_: int) -> bytes:
        barrier.wait()
        with FileCache(storage, tmp_path / "cache", MAX_BYTES).open([file]) as paths:
            return paths[file.digest].read_bytes()

    with ThreadPoolExecutor(8) as executor:
        assert list(executor.map(run, range(8))) == [bytes(500)] * 8
    assert storage.reads == 1


def test_least_recently_used_files_are_removed(cache: FileCache, storage: CountingStorage) -> None:
    files = [write_blob(storage, bytes([number]) * 400) for number in range(3)]
    for age, number in enumerate((1, 0)):
        with cache.open([files[number]]) as paths:
            os.utime(paths[files[number].digest], (age, age))
    with cache.open([files[2]]):
        assert cached(cache, *files) == [True, False, True]


def test_files_of_running_jobs_are_not_removed(cache: FileCache, storage: CountingStorage) -> None:
    used, other = write_blob(storage, b"a" * 700), write_blob(storage, b"b" * 700)
    with cache.open([used]) as paths:
        with pytest.raises(FileStorageUnavailable, match="full of files of running jobs"), cache.open([other]):
            pass
        assert paths[used.digest].exists()
    with cache.open([other]):
        assert cached(cache, used, other) == [False, True]


def test_pins_of_a_killed_process_are_released(cache: FileCache, storage: CountingStorage) -> None:
    used, other = write_blob(storage, b"a" * 700), write_blob(storage, b"b" * 700)
    process = os.fork()
    if process == 0:
        context = cache.open([used])
        context.__enter__()
        os.kill(os.getpid(), 9)
    os.waitpid(process, 0)
    with cache.open([other]):
        assert cached(cache, used, other) == [False, True]
    assert not list((cache._folder / "pins").iterdir())


def test_lost_blob_is_reported(cache: FileCache, storage: CountingStorage) -> None:
    file = write_blob(storage, b"content")
    storage.delete(file.blob_id)
    with pytest.raises(BlobNotFound), cache.open([file]):
        pass


def test_changed_blob_is_reported_and_not_kept(cache: FileCache, storage: CountingStorage) -> None:
    file, other = write_blob(storage, b"content"), write_blob(storage, b"another")
    with pytest.raises(BlobNotFound), cache.open([StoredFile("", other.blob_id, file.digest, 7)]):
        pass
    assert cached(cache, file) == [False]


def test_folder_of_another_user_is_refused(cache: FileCache, storage: CountingStorage) -> None:
    cache._folder.mkdir()
    cache._folder.chmod(0o777)
    with (
        pytest.raises(FileStorageUnavailable, match="must belong to the user"),
        cache.open([write_blob(storage, b"a")]),
    ):
        pass


def test_cancelled_job_stops_fetching(cache: FileCache, storage: CountingStorage) -> None:
    with cache.open([write_blob(storage, b"a")], lambda: True):
        assert storage.reads == 0
