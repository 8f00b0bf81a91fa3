"""Jobs whose files are in the file storage, in a real worker with an in-memory sandbox."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import msgspec
import pytest

from app.actors import run_job
from app.core.errors import FileStorageUnavailable
from app.core.execution.sandbox import SandboxReport
from app.core.files import StoredFile
from app.core.job.spec import SourceFile
from app.core.outcomes import Outcome
from app.files.cache import FileCache
from app.files.content import read_content
from app.files.redis_storage import RedisStorage
from tests.actors.in_memory_sandbox import Run, phase_report, sandbox_report
from tests.actors.test_run_job import running_worker, wait_for_result
from tests.files.conftest import write_blob
from tests.store.live_store import SPEC, LiveStore, new_job, store_on


class FailingStorage(RedisStorage):
    """Does not answer while ``is_down``."""

    is_down = False
    failures = 0

    def read(self, blob_id: str) -> Iterator[bytes]:
        if self.is_down:
            self.failures += 1
            raise FileStorageUnavailable("the storage does not answer")
        yield from super().read(blob_id)


def run_program(run: Run) -> SandboxReport:
    return sandbox_report(phase_report())


@pytest.fixture
async def store(redis_url: str, namespace: str) -> AsyncIterator[LiveStore]:
    async with store_on(redis_url, namespace) as everything:
        yield everything


@pytest.fixture
def storage(store: LiveStore) -> FailingStorage:
    return FailingStorage(store.client, store.keys.namespace)


@pytest.fixture
def cache(storage: FailingStorage, tmp_path: Path) -> FileCache:
    return FileCache(storage, tmp_path / "cache", 2**20)


async def test_sandbox_receives_the_contents_of_files(
    store: LiveStore, storage: FailingStorage, cache: FileCache
) -> None:
    contents = []

    def record_contents(run: Run) -> SandboxReport:
        contents.extend([read_content(run.spec.files[0].content), read_content(run.spec.stdin)])
        return run_program(run)

    source, stdin = write_blob(storage, b"print(1)"), write_blob(storage, b"input")
    spec = msgspec.structs.replace(SPEC, files=(SourceFile("main.py", source),), stdin=stdin)
    with running_worker(store, record_contents, file_cache=cache):
        await store.submit(new_job(spec=spec))
        assert (await wait_for_result(store)).result
    assert contents == [b"print(1)", b"input"]


async def test_guarantee_outage_of_the_file_storage_uses_no_attempt(
    store: LiveStore, storage: FailingStorage, cache: FileCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guarantee 3: the job waits for longer than all its attempts would take, and runs afterwards."""
    monkeypatch.setattr(run_job, "_MAX_RELEASE_DELAY_MS", 20)
    storage.is_down = True
    spec = msgspec.structs.replace(SPEC, stdin=write_blob(storage, b"input"))
    with running_worker(store, run_program, file_cache=cache) as sandbox:
        await store.submit(new_job(spec=spec))
        async with asyncio.timeout(30):
            while storage.failures < 4:  # more often than a job is started before it is dead-lettered
                await asyncio.sleep(0.02)
        assert not sandbox.runs
        storage.is_down = False
        record = await wait_for_result(store)
    assert record.result is not None
    assert (record.result.outcome, record.attempt) == (Outcome.OK, 1)


async def test_lost_file_dead_letters_the_job(store: LiveStore, storage: FailingStorage, cache: FileCache) -> None:
    spec = msgspec.structs.replace(SPEC, stdin=StoredFile("0" * 32, "0" * 32, "0" * 64, 5))
    with running_worker(store, run_program, file_cache=cache) as sandbox:
        await store.submit(new_job(spec=spec))
        record = await wait_for_result(store)
    assert record.result is not None
    assert record.result.outcome is Outcome.INFRASTRUCTURE_ERROR
    assert not sandbox.runs
