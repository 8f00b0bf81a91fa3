"""Jobs with workspaces in a real worker with an in-memory sandbox: the files they find, and the files they leave."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from app.core.errors import (
    FilesFull,
    FileStorageUnavailable,
    InvalidRequest,
    NotFound,
    SandboxLost,
    TooManyJobs,
    WorkspaceBusy,
)
from app.core.execution.sandbox import SandboxReport
from app.core.files import StoredFile
from app.core.job.job_input import Input, InputKind
from app.core.job.results import Artifact, JobRecord
from app.core.outcomes import Outcome
from app.core.workspaces import MAX_WORKSPACE_FILES, WorkspaceMode, WorkspaceReport
from app.files.cache import FileCache
from app.files.redis_storage import RedisStorage
from app.store.keys import JOBS_QUEUE
from app.store.workspaces.workspace_jobs import WorkspaceCollection
from tests.actors.in_memory_sandbox import Run, phase_report, sandbox_report
from tests.actors.test_run_job import running_worker, until, wait_for_result
from tests.broker.delivery import expire
from tests.store.live_store import CALLER, SPEC, TTL_SECONDS, LiveStore, new_job

OTHER = msgspec.structs.replace(CALLER, owner="other")
Change = Callable[[dict[str, bytes]], object]


def program(change: Change, **report: Any) -> Callable[[Run], SandboxReport]:
    """A program that changes the files in its working folder. The runner reports those of the job too."""

    def run(sandbox_run: Run) -> SandboxReport:
        files = read_files(sandbox_run)
        change(files)
        left = {"main.py": b"print(1)\n", **files}
        artifacts = tuple(Artifact(name, content) for name, content in left.items())
        return msgspec.structs.replace(sandbox_report(phase_report()), artifacts=artifacts, **report)

    return run


def read_files(run: Run) -> dict[str, bytes]:
    files = {}
    for file in run.spec.workspace_files:
        assert isinstance(file.content, StoredFile)
        files[file.name] = Path(file.content.path).read_bytes()
    return files


async def contents(store: LiveStore, workspace_id: str) -> dict[str, bytes]:
    workspace = await store.workspaces.get(workspace_id, CALLER.owner)
    return {path: await store.workspaces.read_file(workspace_id, CALLER.owner, path) for path in workspace.files}


async def submit(
    store: LiveStore, workspace_id: str, job_id: str = "job", mode: WorkspaceMode = WorkspaceMode.REJECT
) -> None:
    job = new_job(job_id, spec=msgspec.structs.replace(SPEC, workspace=workspace_id))
    await store.submit(msgspec.structs.replace(job, workspace_mode=mode))


def report_of(record: JobRecord) -> WorkspaceReport:
    assert record.result is not None
    assert record.result.workspace is not None
    return record.result.workspace


def blob_count(store: LiveStore) -> int:
    return len(list(store.client.scan_iter(f"{{{store.keys.namespace}:files}}:blob:*")))


@pytest.fixture
def cache(store: LiveStore, tmp_path: Path) -> FileCache:
    return FileCache(RedisStorage(store.client, store.keys.namespace), tmp_path / "cache", 10**9)


@pytest.fixture
async def workspace(store: LiveStore) -> str:
    """A workspace with two files."""
    workspace_id = (await store.workspaces.create(CALLER)).id
    await store.workspaces.write_file(workspace_id, CALLER, "a.txt", b"a")
    await store.workspaces.write_file(workspace_id, CALLER, "folder/b.sh", b"#!/bin/sh\n")
    return workspace_id


async def test_workspace_has_the_files_that_the_job_left(store: LiveStore, cache: FileCache, workspace: str) -> None:
    found: list[Mapping[str, bytes]] = []

    def change(files: dict[str, bytes]) -> None:
        found.append(dict(files))
        files |= {"a.txt": b"changed", "new/c": b"\x00"}
        del files["folder/b.sh"]

    with running_worker(store, program(change), file_cache=cache):
        await submit(store, workspace)
        report = report_of(await wait_for_result(store))

    assert found == [{"a.txt": b"a", "folder/b.sh": b"#!/bin/sh\n"}]
    assert report == WorkspaceReport(id=workspace, version=3, changed=("a.txt", "new/c"), deleted=("folder/b.sh",))
    assert await contents(store, workspace) == {"a.txt": b"changed", "new/c": b"\x00"}
    assert (await store.workspaces.get(workspace, CALLER.owner)).version == 3


async def test_hidden_files_are_kept_and_caches_are_not(store: LiveStore, cache: FileCache, workspace: str) -> None:
    kept = {".env": b"KEY=1", "folder/.git/config": b"[core]", ".a/.b/.c": b""}
    caches = ["__pycache__/a.pyc", "folder/__pycache__/a.pyc", ".cache/fontlist.json", ".pytest_cache/README.md"]
    with running_worker(
        store, program(lambda files: files.update(kept | dict.fromkeys(caches, b""))), file_cache=cache
    ):
        await submit(store, workspace)
        report = report_of(await wait_for_result(store))
    assert report.changed == tuple(sorted(kept))
    assert (await contents(store, workspace)).items() >= kept.items()


async def test_executable_files_keep_their_permission(store: LiveStore, cache: FileCache, workspace: str) -> None:
    with running_worker(store, program(lambda files: None), file_cache=cache) as sandbox:
        await submit(store, workspace)
        await wait_for_result(store)
    executable = {file.name: file.executable for file in sandbox.runs[0].spec.workspace_files}
    assert executable == {"a.txt": False, "folder/b.sh": True}


async def test_unchanged_files_are_not_written_again(store: LiveStore, cache: FileCache, workspace: str) -> None:
    before = await store.workspaces.get(workspace, CALLER.owner)
    with running_worker(store, program(lambda files: None), file_cache=cache):
        await submit(store, workspace)
        report = report_of(await wait_for_result(store))
    assert report == WorkspaceReport(id=workspace, version=2)
    assert (await store.workspaces.get(workspace, CALLER.owner)).files == before.files


@pytest.mark.parametrize("lost_after_upload", [False, True])
async def test_guarantee_killed_worker_leaves_the_files_from_before(
    store: LiveStore, cache: FileCache, workspace: str, monkeypatch: pytest.MonkeyPatch, lost_after_upload: bool
) -> None:
    # Given an attempt that loses its lease after its files were written, or before
    attempts: list[int] = []

    def change(files: dict[str, bytes]) -> None:
        attempts.append(len(attempts))
        files.clear()
        files["attempt"] = str(len(attempts)).encode()
        if len(attempts) == 1 and not lost_after_upload:
            raise SandboxLost("killed")

    write = RedisStorage.create

    def create(storage: RedisStorage, blob_id: str) -> Any:
        writer = write(storage, blob_id)
        if len(attempts) == 1:
            writer.write(b"1")
            writer.commit()
            raise FileStorageUnavailable("the worker was killed")
        return writer

    if lost_after_upload:
        monkeypatch.setattr(RedisStorage, "create", create)
    seen: list[dict[str, bytes]] = []
    with running_worker(store, program(change), file_cache=cache):
        await submit(store, workspace)
        await until(lambda: len(attempts) >= 1)
        record = await wait_for_result(store)
        seen.append(await contents(store, workspace))
    # Then the second attempt started with the files from before, and the workspace has those of the second attempt
    assert len(attempts) == 2
    assert report_of(record).deleted == ("a.txt", "folder/b.sh")
    assert seen == [{"attempt": b"2"}]


async def test_guarantee_fenced_attempt_changes_no_file(store: LiveStore, cache: FileCache, workspace: str) -> None:
    # Given an attempt that loses its lease to another one while its program runs
    def change(files: dict[str, bytes]) -> None:
        if len(sandbox.runs) > 1:
            return
        files["fenced"] = b""
        [held] = store.broker.pending(JOBS_QUEUE)
        # The worker may renew the lease between the two steps.
        while held.entry_id in [entry.entry_id for entry in store.broker.pending(JOBS_QUEUE)]:
            expire(store.broker, JOBS_QUEUE)
            store.broker.recover(JOBS_QUEUE)

    with running_worker(store, program(change), file_cache=cache) as sandbox:
        await submit(store, workspace)
        report = report_of(await wait_for_result(store))
        await until(lambda: len(sandbox.runs) == 2)
    # Then only the other attempt counts, which left the files unchanged
    assert report == WorkspaceReport(id=workspace, version=2)
    assert await contents(store, workspace) == {"a.txt": b"a", "folder/b.sh": b"#!/bin/sh\n"}


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda files: files.update({f"f{n}": b"" for n in range(MAX_WORKSPACE_FILES)}), "202 files"),
        (lambda files: files.update({"big": bytes(33 * 1024 * 1024)}), "at most 33554432 are allowed"),
    ],
    ids=["files", "bytes"],
)
async def test_violated_limit_is_reported_and_changes_nothing(
    store: LiveStore, cache: FileCache, workspace: str, change: Change, error: str
) -> None:
    with running_worker(store, program(change), file_cache=cache):
        await submit(store, workspace)
        record = await wait_for_result(store)
    assert record.result is not None
    assert record.result.outcome is Outcome.OK
    assert error in (report_of(record).error or "")
    assert set(await contents(store, workspace)) == {"a.txt", "folder/b.sh"}


@pytest.mark.parametrize("is_killed", [False, True])
async def test_incomplete_files_change_nothing(
    store: LiveStore, cache: FileCache, workspace: str, is_killed: bool
) -> None:
    # A sandbox that was killed reports no files at all.
    killed = lambda _: sandbox_report(phase_report())  # noqa: E731
    incomplete = program(lambda files: files.clear(), artifacts_incomplete=True)
    with running_worker(store, killed if is_killed else incomplete, file_cache=cache):
        await submit(store, workspace)
        report = report_of(await wait_for_result(store))
    assert "could not be read completely" in (report.error or "")
    assert set(await contents(store, workspace)) == {"a.txt", "folder/b.sh"}


async def test_source_file_hides_a_file_of_the_workspace(store: LiveStore, cache: FileCache, workspace: str) -> None:
    await store.workspaces.write_file(workspace, CALLER, "main.py", b"mine")
    with running_worker(store, program(lambda files: files.pop("a.txt")), file_cache=cache) as sandbox:
        await submit(store, workspace)
        assert report_of(await wait_for_result(store)).deleted == ("a.txt",)
    assert [file.name for file in sandbox.runs[0].spec.workspace_files] == ["a.txt", "folder/b.sh"]
    assert (await contents(store, workspace))["main.py"] == b"mine"


async def test_second_job_is_rejected_while_the_first_is_unfinished(
    store: LiveStore, cache: FileCache, workspace: str
) -> None:
    await submit(store, workspace, "first")
    with pytest.raises(WorkspaceBusy):
        await submit(store, workspace, "second")
    with pytest.raises(WorkspaceBusy):
        await store.workspaces.write_file(workspace, CALLER, "a.txt", b"")
    with pytest.raises(WorkspaceBusy):
        await store.workspaces.delete(workspace, CALLER.owner)
    with running_worker(store, program(lambda files: None), file_cache=cache):
        await wait_for_result(store, "first")
        await submit(store, workspace, "third")
        await wait_for_result(store, "third")


async def test_waiting_jobs_run_in_the_order_of_their_submission(
    store: LiveStore, cache: FileCache, workspace: str
) -> None:
    running: list[int] = []

    def append(files: dict[str, bytes]) -> None:
        running.append(1)
        assert len(running) == 1, "two jobs use the workspace at once"
        files["log"] = files.get("log", b"") + b"x"
        running.pop()

    ids = [f"job-{number}" for number in range(5)]
    for job_id in ids:
        await submit(store, workspace, job_id, WorkspaceMode.WAIT)
    with running_worker(store, program(append), file_cache=cache) as sandbox:
        for number, job_id in enumerate(ids):
            assert report_of(await wait_for_result_of(store, job_id)).version == 3 + number
    assert await contents(store, workspace) == {"a.txt": b"a", "folder/b.sh": b"#!/bin/sh\n", "log": b"xxxxx"}
    assert len(sandbox.runs) == 5


async def wait_for_result_of(store: LiveStore, job_id: str) -> JobRecord:
    async with asyncio.timeout(15):
        while (record := await store.jobs.get(job_id)).result is None:
            await asyncio.sleep(0.01)
    return record


async def test_waiting_job_takes_no_slot_of_the_worker(store: LiveStore, cache: FileCache, workspace: str) -> None:
    # Given a job that uses the workspace for a long time, and more waiting jobs than the worker has threads
    released = threading.Event()

    def change(files: dict[str, bytes]) -> None:
        if "held" not in files:
            released.wait(15)
        files["held"] = b""

    with running_worker(store, program(change), file_cache=cache):
        await submit(store, workspace, "holder")
        for number in range(12):
            await submit(store, workspace, f"waiting-{number}", WorkspaceMode.WAIT)
        # When a job without a workspace is submitted, then it runs
        other = (await store.workspaces.create(CALLER)).id
        await store.workspaces.write_file(other, CALLER, "held", b"")
        await submit(store, other, "other")
        await wait_for_result_of(store, "other")
        released.set()
        for number in range(12):
            await wait_for_result_of(store, f"waiting-{number}")


async def test_next_job_runs_when_the_first_is_dead_lettered_or_cancelled(
    store: LiveStore, cache: FileCache, workspace: str
) -> None:
    def fail(run: Run) -> SandboxReport:
        if len(run.spec.stdin):
            raise SandboxLost("the container is gone")
        return program(lambda files: files.update(last=b""))(run)

    lost = new_job("lost", spec=msgspec.structs.replace(SPEC, workspace=workspace, stdin=b"lose"))
    await store.submit(lost)
    for job_id in ("cancelled", "last"):
        await submit(store, workspace, job_id, WorkspaceMode.WAIT)
    await store.jobs.send("cancelled", Input(InputKind.CANCEL))
    with running_worker(store, fail, file_cache=cache):
        assert (await wait_for_result_of(store, "last")).result is not None
    record = await store.jobs.get("lost")
    assert record.result is not None
    assert record.result.outcome is Outcome.INFRASTRUCTURE_ERROR
    assert "last" in await contents(store, workspace)


async def test_rejected_submission_leaves_the_workspace(store: LiveStore, workspace: str) -> None:
    full = msgspec.structs.replace(CALLER, tier=msgspec.structs.replace(CALLER.tier, unfinished_jobs=1))
    await store.submit(new_job("other", created_at_ms=time.time_ns() // 1_000_000))
    job = new_job("job", spec=msgspec.structs.replace(SPEC, workspace=workspace))
    with pytest.raises(TooManyJobs):
        await store.submit(job, full)
    await submit(store, workspace, "next")


async def test_workspace_belongs_to_its_owner(store: LiveStore, workspace: str) -> None:
    with pytest.raises(NotFound):
        await store.workspaces.get(workspace, OTHER.owner)
    with pytest.raises(NotFound):
        await store.workspaces.write_file(workspace, OTHER, "a.txt", b"")
    with pytest.raises(NotFound):
        await store.workspaces.delete(workspace, OTHER.owner)
    job = new_job("job", spec=msgspec.structs.replace(SPEC, workspace=workspace))
    with pytest.raises(InvalidRequest, match="workspace"):
        await store.submitter.submit(job, OTHER)


async def test_unneeded_blobs_are_deleted(store: LiveStore, cache: FileCache, workspace: str) -> None:
    storage = RedisStorage(store.client, store.keys.namespace)
    collection = WorkspaceCollection(store.client, store.keys, storage, TTL_SECONDS)
    # Given a file that a job replaces, and one that an upload replaces
    with running_worker(store, program(lambda files: files.update({"a.txt": b"2"})), file_cache=cache):
        await submit(store, workspace)
        await wait_for_result(store)
    await store.workspaces.write_file(workspace, CALLER, "folder/b.sh", b"3")
    # Then their blobs are deleted, and the others are not
    collection.run()
    assert blob_count(store) == 2
    assert await contents(store, workspace) == {"a.txt": b"2", "folder/b.sh": b"3"}
    # And with the workspace, all of them, and what it counts for the quota
    await store.workspaces.delete(workspace, CALLER.owner)
    collection.run()
    assert blob_count(store) == 0
    assert int(store.client.hget(store.keys.file_storage(CALLER.owner), ":total") or 0) == 0
    assert store.client.zcard(store.keys.workspace_garbage) == 0
    assert not list(store.client.scan_iter(f"{store.keys.workspace('')}*"))


async def test_use_renews_the_expiry(store: LiveStore, cache: FileCache, workspace: str) -> None:
    key = store.keys.workspace(workspace)
    for use in (submit(store, workspace), store.workspaces.read_file(workspace, CALLER.owner, "a.txt")):
        store.client.expire(key, 10)
        await use
        assert store.client.ttl(key) > TTL_SECONDS - 5
    store.client.expire(key, 0)
    with running_worker(store, program(lambda files: None), file_cache=cache):
        record = await wait_for_result(store)
    assert record.result is not None
    assert record.result.message == "the workspace expired before the job started"


async def test_quota_limits_the_files(store: LiveStore, cache: FileCache, workspace: str) -> None:
    small = msgspec.structs.replace(CALLER, tier=msgspec.structs.replace(CALLER.tier, file_bytes=10_000))
    with pytest.raises(FilesFull):
        await store.workspaces.write_file(workspace, small, "a.txt", bytes(10_000))
    assert blob_count(store) == 2
    job = new_job("job", spec=msgspec.structs.replace(SPEC, workspace=workspace))
    with running_worker(store, program(lambda files: files.update(big=bytes(10_000))), file_cache=cache):
        await store.submitter.submit(job, small)
        record = await wait_for_result(store)
    assert "file quota" in (report_of(record).error or "")
