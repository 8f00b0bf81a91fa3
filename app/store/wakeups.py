"""One Pub/Sub connection a process, shared by all its viewers. What it tells may be lost: it only wakes readers up."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Final

import redis.exceptions
import structlog
from redis.asyncio import Redis
from redis.asyncio.client import PubSub

__all__ = ["Wakeups", "WokenWatch"]

_RECONNECT_SECONDS: Final = 0.5
_SUBSCRIBE_SECONDS: Final = 1.0
_log = structlog.get_logger(__name__)


class WokenWatch:
    """Implements app.core.ports.Watch for one viewer."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def wake(self) -> None:
        """There may be something new."""
        self._event.set()

    async def wait(self, timeout_seconds: float) -> None:
        """See the port."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_seconds):
                await self._event.wait()
        self._event.clear()


class _Channel:
    """The viewers of one channel, and whether the server has confirmed the subscription."""

    def __init__(self) -> None:
        self.watches: set[WokenWatch] = set()
        self.confirmed = asyncio.Event()


class Wakeups:
    """Subscribes on behalf of viewers. Its reading task starts with the first of them and ends with ``close``."""

    def __init__(self, client: Redis) -> None:
        self._client = client
        self._pubsub: PubSub | None = None
        self._reader: asyncio.Task[None] | None = None
        self._channels: dict[bytes, _Channel] = {}
        self._writing = asyncio.Lock()

    @contextlib.asynccontextmanager
    async def watch(self, name: str) -> AsyncIterator[WokenWatch]:
        """Subscribed when entered, or after a second even if the server was silent: readers poll as well."""
        watch, key = WokenWatch(), name.encode()
        channel = await self._join(key, watch)
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_SUBSCRIBE_SECONDS):
                    await channel.confirmed.wait()
            yield watch
        finally:
            await self._leave(key, watch)

    async def close(self) -> None:
        """Stop reading and give the connection back."""
        if self._reader is not None:
            self._reader.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reader
            self._reader = None
        if self._pubsub is not None:
            await self._pubsub.aclose()  # type: ignore[no-untyped-call]
            self._pubsub = None

    async def _join(self, key: bytes, watch: WokenWatch) -> _Channel:
        channel = self._channels.get(key)
        if channel is None:
            channel = self._channels[key] = _Channel()
            channel.watches.add(watch)
            await self._command("subscribe", key)
        channel.watches.add(watch)
        return channel

    async def _leave(self, key: bytes, watch: WokenWatch) -> None:
        channel = self._channels[key]
        channel.watches.discard(watch)
        if not channel.watches:
            del self._channels[key]
            await self._command("unsubscribe", key)

    async def _command(self, verb: str, key: bytes) -> None:
        """A failure is left to the reader: it reconnects and subscribes anew to all that is watched."""
        async with self._writing:
            if self._pubsub is None:
                self._pubsub = self._client.pubsub()
            with contextlib.suppress(redis.exceptions.RedisError, OSError):
                await getattr(self._pubsub, verb)(key)
        if self._reader is None:
            self._reader = asyncio.create_task(self._read_forever())

    async def _read_forever(self) -> None:
        while True:
            try:
                await self._read()
            except (redis.exceptions.RedisError, OSError) as e:
                _log.warning("wakeups_lost", error=str(e))
                for channel in self._channels.values():
                    channel.confirmed.clear()
                await asyncio.sleep(_RECONNECT_SECONDS)

    async def _read(self) -> None:
        assert self._pubsub is not None
        while True:
            if not self._pubsub.subscribed:
                # The library refuses to read while nothing is subscribed.
                await self._pubsub.subscribe(b"pyxec:idle")
            message = await self._pubsub.get_message(timeout=None)
            if message is None:
                continue
            channel = self._channels.get(message["channel"])
            if channel is None:
                continue
            if message["type"] == "subscribe":
                channel.confirmed.set()
            for watch in channel.watches:
                watch.wake()
