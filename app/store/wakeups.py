"""One Pub/Sub connection a process, shared by all its viewers. What it tells may be lost: it only wakes readers up.

Viewers come and go without waiting: they change what is wanted. One task brings the connection into line with that,
and a new connection after a lost one.
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

__all__ = ["GOES_ON", "Wakeups", "Watch"]

# Published when a job has told something, but will tell more. Anything else may be its end: also what a process of an
# older version publishes.
GOES_ON: Final = b"+"
_RECONNECT_SECONDS: Final = 0.5
_SUBSCRIBE_SECONDS: Final = 1.0
# A connection whose other end has vanished looks like one on which nothing happens: after this long it is asked.
_SILENCE_SECONDS: Final = 15.0
# The library refuses to read while nothing is subscribed.
_IDLE: Final = b"pyxec:idle"
_log = structlog.get_logger(__name__)


class Watch:
    """Wake-ups of one viewer; ``end_only`` for one whom nothing concerns before the end."""

    def __init__(self, end_only: bool = False) -> None:
        self._event = asyncio.Event()
        self._end_only = end_only

    def wake(self, goes_on: bool = False) -> None:
        """There may be something new: if the job goes on, not its end."""
        if not (goes_on and self._end_only):
            self._event.set()

    def forget(self) -> None:
        """What was told so far is no news."""
        self._event.clear()

    async def wait(self, timeout_seconds: float) -> None:
        """See the port."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_seconds):
                await self._event.wait()
        self._event.clear()


class _Channel:
    """The viewers of one channel, and what is known of its subscription on the present connection."""

    def __init__(self) -> None:
        self.watches: set[Watch] = set()
        self.asked = False
        self.confirmed = asyncio.Event()


class Wakeups:
    """Subscribes on behalf of viewers. Its task starts with the first of them and ends with ``close``."""

    def __init__(self, client: Redis) -> None:
        # The library would reconnect by itself and say nothing: wake-ups lost meanwhile would look like none.
        self._client = without_retries_async(client)
        self._channels: dict[bytes, _Channel] = {}
        self._changed: asyncio.Queue[bytes] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    @contextlib.asynccontextmanager
    async def watch(self, name: str, end_only: bool = False) -> AsyncIterator[Watch]:
        """Subscribed when entered, or after a second even if the server was silent: readers poll as well."""
        watch, key = Watch(end_only), name.encode()
        channel = self._join(key, watch)
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_SUBSCRIBE_SECONDS):
                    await channel.confirmed.wait()
                    # The subscription itself is no news to who has not read anything yet.
                    watch.forget()
            yield watch
        finally:
            self._leave(key, watch)

    async def close(self) -> None:
        """Stop reading and give the connection back."""
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
                    await self._serve(pubsub)
            except* Exception as e:  # noqa: BLE001 - the edge of a task: whatever it was, the wake-ups must come back
                _log.warning("wakeups_lost", error="; ".join(map(repr, e.exceptions)))
            await asyncio.sleep(_RECONNECT_SECONDS)

    async def _serve(self, pubsub: PubSub) -> None:
        self._begin_anew()
        await pubsub.subscribe(_IDLE)
        if self._closed:  # see _heed_cancellation
            return
        async with asyncio.TaskGroup() as group:
            group.create_task(self._read(pubsub))
            group.create_task(self._follow_changes(pubsub))

    def _begin_anew(self) -> None:
        """A new connection is subscribed to nothing."""
        self._changed = asyncio.Queue()
        for key, channel in self._channels.items():
            channel.asked = False
            channel.confirmed.clear()
            self._changed.put_nowait(key)

    async def _follow_changes(self, pubsub: PubSub) -> None:
        while True:
            _heed_cancellation()
            key = await self._changed.get()
            channel = self._channels.get(key)
            if channel is None:
                continue
            if channel.watches:
                await self._subscribe(pubsub, key, channel)
            elif not channel.asked or channel.confirmed.is_set():
                # One that is still to be confirmed stays until then: the answer to it must not pass for the answer
                # to the next viewer's subscription.
                del self._channels[key]
                if channel.asked:
                    await pubsub.unsubscribe(key)

    async def _subscribe(self, pubsub: PubSub, key: bytes, channel: _Channel) -> None:
        if not channel.asked:
            channel.asked = True
            await pubsub.subscribe(key)

    async def _read(self, pubsub: PubSub) -> None:
        silent = False
        while True:
            _heed_cancellation()
            message = await pubsub.get_message(timeout=_SILENCE_SECONDS)
            if message is not None:
                silent = False
                self._hear(message)
            elif silent:
                raise redis.exceptions.ConnectionError("the server does not answer any more")
            else:
                silent = True
                await pubsub.ping()

    def _hear(self, message: dict[str, Any]) -> None:
        channel = self._channels.get(message["channel"])
        if channel is None:
            return
        if message["type"] == "subscribe":
            channel.confirmed.set()
            if not channel.watches:
                self._changed.put_nowait(message["channel"])
        goes_on = message["type"] == "message" and message["data"] == GOES_ON
        for watch in channel.watches:
            watch.wake(goes_on)


def _heed_cancellation() -> None:
    """Before Python 3.12, wait_for, by which redis-py sends, can swallow a cancellation that comes just as it ends."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
