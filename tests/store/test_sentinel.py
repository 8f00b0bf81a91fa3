"""Every client of the service on a server with Sentinel."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
import redis.asyncio

from app.broker.connection import BlockingSentinelPool, copy_pool, without_retries_async
from app.cli.checks.finding import Status
from app.cli.checks.store import check_store
from app.config import Settings, read_settings
from app.store.connection import create_async_client, create_client, create_pubsub_client
from app.store.jobs.wakeups import Wakeups
from app.wiring.gateway import create_api_keys
from tests.broker.servers import SentinelGroup

PATIENCE_SECONDS = 15.0
TIMEOUT_SECONDS = 2.0


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SentinelGroup]:
    """A master with a replica and a Sentinel. The last test of this file kills the master."""
    with SentinelGroup(tmp_path_factory.mktemp("watched")) as running:
        yield running


def settings_of(*ports: int) -> Settings:
    hosts = ",".join(f"127.0.0.1:{port}" for port in ports)
    return read_settings({"REDIS_URL": f"sentinel://{hosts}/jobs?db=0"})


async def eventually(call: Callable[[], Awaitable[Any]]) -> Any:
    """Call a function until Redis answers, and return its result. During a failover, commands fail."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            with contextlib.suppress(redis.RedisError):
                return await call()
            await asyncio.sleep(0.02)


async def test_client_connects_when_the_first_sentinel_hangs(watched: SentinelGroup) -> None:
    # Given a first Sentinel that accepts connections and never answers
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = settings_of(mute.getsockname()[1], watched.port).redis_url
        async with create_async_client(url, TIMEOUT_SECONDS) as client:
            # Then the first command is answered through the second Sentinel
            assert await client.ping() is True


async def test_sentinel_pool_waits_when_all_connections_are_in_use(watched: SentinelGroup) -> None:
    async with create_async_client(settings_of(watched.port).redis_url, TIMEOUT_SECONDS) as ample:
        pool = copy_pool(ample.connection_pool, max_connections=2)
        assert isinstance(pool, BlockingSentinelPool)
        async with redis.asyncio.Redis.from_pool(pool) as narrow:
            replies = await asyncio.gather(*(narrow.blpop(["nothing"], timeout=0.05) for _ in range(8)))

    assert replies == [None] * 8


def test_late_reply_is_not_read_by_the_next_command(watched: SentinelGroup) -> None:
    with contextlib.closing(create_client(settings_of(watched.port).redis_url, 0.2)) as threads:
        threads.rpush("list", "late")
        with pytest.raises(redis.TimeoutError):
            threads.execute_command("BLPOP", "nothing", 0.4)
        time.sleep(0.4)  # now the reply has arrived

        assert threads.lrange("list", 0, -1) == [b"late"]


def test_check_store_checks_the_master_and_its_replica(watched: SentinelGroup) -> None:
    settings = settings_of(watched.port)
    found = {finding.check: finding for finding in check_store(settings.redis_url, 2)}
    assert found["Redis replica"].status is Status.WARNING
    assert "min-replicas-to-write" in found["Redis replica"].detail

    with contextlib.closing(create_client(settings.redis_url, TIMEOUT_SECONDS)) as master:
        master.config_set("min-replicas-to-write", 1)
        found = {finding.check: finding for finding in check_store(settings.redis_url, 2)}
        master.config_set("min-replicas-to-write", 0)
    assert found["Redis replica"].status is Status.OK


async def test_api_keys_are_created_through_sentinel(watched: SentinelGroup) -> None:
    async with create_async_client(settings_of(watched.port).redis_url, TIMEOUT_SECONDS) as on_sentinel:
        keys = create_api_keys(settings_of(watched.port), on_sentinel)
        made = await keys.create("name", "standard", False, 1)

        assert [key.id for key in await keys.list()] == [made.key.id]


async def test_clients_continue_at_the_replica_when_the_master_is_lost(watched: SentinelGroup) -> None:
    settings = settings_of(1, watched.port)
    url = settings.redis_url
    reads, listening = create_async_client(url, TIMEOUT_SECONDS), create_pubsub_client(url, TIMEOUT_SECONDS)
    writes, wakeups = without_retries_async(reads), Wakeups(listening)
    threads = create_client(url, TIMEOUT_SECONDS)
    try:
        # Given a connection of every kind in use, and a replica that has received all writes
        async with wakeups.watch("channel") as watch:
            for kind in (reads, writes):
                assert await kind.incr("counter")
            threads.incr("counter")
            assert threads.wait(1, 5_000) == 1

            # When the master is killed
            await asyncio.to_thread(watched.fail_over)

            # Then each client connects to the new master, and no write is lost
            for kind in (reads, writes):
                assert int(await eventually(lambda kind=kind: kind.get("counter"))) == 3
            assert int(await eventually(lambda: asyncio.to_thread(threads.get, "counter"))) == 3

            # And the new master wakes up viewers
            async def publish() -> None:
                if not await reads.publish("channel", ""):
                    raise redis.ConnectionError

            await eventually(publish)
            await watch.wait(PATIENCE_SECONDS)
    finally:
        await wakeups.close()
        threads.close()
        for client in (writes, reads, listening):
            await client.aclose(close_connection_pool=True)
