"""Wake-ups of viewers: one Pub/Sub connection that all viewers of a process share.

A wake-up can be lost; it only makes a viewer read the output log. Viewers register the channels that they watch
without waiting. One task subscribes the connection to these channels, and replaces the connection when it is lost.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any, Final

import redis.exceptions
import structlog
from redis.asyncio import Redis
from redis.asyncio.client import PubSub

from app.broker.connection import without_retries_async

__all__ = ["JOB_CONTINUES", "Wakeups", "Watch"]

# Published with new events if the job continues. Any other message can mean its end.
JOB_CONTINUES: Final = b"+"
_RECONNECT_SECONDS: Final = 0.5
# Channels without viewers are left together: each command and its reply wake up this process and the server.
_LEAVE_SECONDS: Final = 0.5
# In the queue of changed channels. No channel has this name.
_LEAVE_UNUSED: Final = b""
_SUBSCRIBE_SECONDS: Final = 1.0
# A connection whose server has disappeared looks idle. It is checked with PING after this time.
_SILENCE_SECONDS: Final = 15.0
# redis-py cannot read from a connection without subscriptions.
_IDLE: Final = b"pyxec:idle"
_log = structlog.get_logger(__name__)


class Watch:
    """The wake-ups of one viewer.

    Args:
        end_only: Ignore wake-ups of a job that continues.
    """

    def __init__(self, end_only: bool = False) -> None:
        self._event = asyncio.Event()
        self._end_only = end_only

    def wake(self, job_continues: bool = False) -> None:
        """Wake up the viewer."""
        if not (job_continues and self._end_only):
            self._event.set()

    def clear(self) -> None:
        """Discard earlier wake-ups."""
        self._event.clear()

    async def wait(self, timeout_seconds: float) -> bool:
        """Return True after a wake-up, or False after ``timeout_seconds``."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_seconds):
                await self._event.wait()
        is_woken = self._event.is_set()
        self._event.clear()
        return is_woken


class _Channel:
    """The viewers of a channel and the state of its subscription on the current connection."""

    def __init__(self) -> None:
        self.watches: set[Watch] = set()
        self.requested = False
        self.confirmed = asyncio.Event()


class Wakeups:
    """Subscribes to the channels of viewers. The task starts with the first viewer and ends with `close`."""

    def __init__(self, client: Redis) -> None:
        # Without retries: redis-py would reconnect silently, and the wake-ups in between would be lost unnoticed.
        self._client = without_retries_async(client)
        self._channels: dict[bytes, _Channel] = {}
        self._changed: asyncio.Queue[bytes] = asyncio.Queue()
        self._unused: set[bytes] = set()
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    @contextlib.asynccontextmanager
    async def watch(self, name: str, end_only: bool = False) -> AsyncIterator[Watch]:
        """Watch a channel.

        The subscription exists when the context is entered, or after a second without a reply: viewers also poll.
        """
        watch, key = Watch(end_only), name.encode()
        channel = self._join(key, watch)
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_SUBSCRIBE_SECONDS):
                    await channel.confirmed.wait()
                    watch.clear()
            yield watch
        finally:
            self._leave(key, watch)

    async def close(self) -> None:
        """Stop the task and close the connection."""
        self._closed = True
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    def _join(self, key: bytes, watch: Watch) -> _Channel:
        channel = self._channels.get(key)
        if channel is None:
            channel = self._channels[key] = _Channel()
            self._changed.put_nowait(key)
        channel.watches.add(watch)
        if self._task is None and not self._closed:
            self._task = asyncio.create_task(self._run())
        return channel

    def _leave(self, key: bytes, watch: Watch) -> None:
        channel = self._channels[key]
        channel.watches.discard(watch)
        if not channel.watches:
            self._changed.put_nowait(key)

    async def _run(self) -> None:
        while not self._closed:
            try:
                async with self._client.pubsub() as pubsub:
                    await self._run_connection(pubsub)
            except* Exception as e:  # noqa: BLE001 - the task must reconnect after any error
                _log.warning("wakeups_lost", error="; ".join(map(repr, e.exceptions)))
            await asyncio.sleep(_RECONNECT_SECONDS)

    async def _run_connection(self, pubsub: PubSub) -> None:
        self._reset_subscriptions()
        await pubsub.subscribe(_IDLE)
        if self._closed:  # see _check_cancelled
            return
        async with asyncio.TaskGroup() as group:
            group.create_task(self._read(pubsub))
            group.create_task(self._follow_changes(pubsub))

    def _reset_subscriptions(self) -> None:
        """A new connection has no subscriptions."""
        self._changed = asyncio.Queue()
        self._unused = set()
        for key, channel in self._channels.items():
            channel.requested = False
            channel.confirmed.clear()
            self._changed.put_nowait(key)

    async def _follow_changes(self, pubsub: PubSub) -> None:
        while True:
            _check_cancelled()
            key = await self._changed.get()
            if key == _LEAVE_UNUSED:
                await self._leave_unused(pubsub)
                continue
            channel = self._channels.get(key)
            if channel is None:
                continue
            if channel.watches:
                await self._subscribe(pubsub, key, channel)
            elif channel.requested:
                self._leave_later(key)
            else:
                del self._channels[key]

    def _leave_later(self, key: bytes) -> None:
        if not self._unused:
            # Through the queue, so that one task sends all commands, in their order.
            asyncio.get_running_loop().call_later(_LEAVE_SECONDS, self._changed.put_nowait, _LEAVE_UNUSED)
        self._unused.add(key)

    async def _leave_unused(self, pubsub: PubSub) -> None:
        # An unconfirmed subscription stays until its confirmation, which could be mistaken for the confirmation of the
        # next subscription.
        unused = [
            key
            for key in self._unused
            if (channel := self._channels.get(key)) and not channel.watches and channel.confirmed.is_set()
        ]
        self._unused.clear()
        for key in unused:
            del self._channels[key]
        if unused:
            await pubsub.unsubscribe(*unused)

    async def _subscribe(self, pubsub: PubSub, key: bytes, channel: _Channel) -> None:
        if not channel.requested:
            channel.requested = True
            await pubsub.subscribe(key)

    async def _read(self, pubsub: PubSub) -> None:
        silent = False
        while True:
            _check_cancelled()
            message = await pubsub.get_message(timeout=_SILENCE_SECONDS)
            if message is not None:
                silent = False
                self._on_message(message)
            elif silent:
                raise redis.exceptions.ConnectionError("the server does not answer")
            else:
                silent = True
                await pubsub.ping()

    def _on_message(self, message: dict[str, Any]) -> None:
        channel = self._channels.get(message["channel"])
        if channel is None:
            return
        if message["type"] == "subscribe":
            channel.confirmed.set()
            if not channel.watches:
                self._changed.put_nowait(message["channel"])
        job_continues = message["type"] == "message" and message["data"] == JOB_CONTINUES
        for watch in channel.watches:
            watch.wake(job_continues)


def _check_cancelled() -> None:
    """Raise a cancellation that redis-py swallowed: before Python 3.12, wait_for can lose one that comes as it ends."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
