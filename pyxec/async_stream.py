"""The same stream for asyncio: what decides is in position.py, this only waits in another way."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from pyxec.connection import Connection
from pyxec.errors import JobTimeout
from pyxec.events import EOF_MESSAGE, Event, stdin_messages
from pyxec.position import Position

__all__ = ["AsyncJobStream"]


class AsyncJobStream:
    """Iterate to read, once; send from another task. It comes back by itself, behind the last event it has seen.

    Input that is under way when a connection breaks may be lost: the service does not acknowledge it.

    Parameters:
        after: the cursor of the last event that was seen; from the beginning if left out.
        timeout_seconds: for all of it, from the first event that is asked for.
    """

    def __init__(
        self, connection: Connection, job_id: str, after: str | None = None, timeout_seconds: float | None = None
    ) -> None:
        self.job_id = job_id
        self._position = Position(connection, job_id, after)
        self._timeout_seconds = timeout_seconds
        self._deadline: float | None = None
        self._changed = asyncio.Condition()
        self._socket: ClientConnection | None = None
        self._begun = False
        self._over = False

    @property
    def cursor(self) -> str | None:
        """The last event that was seen: another stream goes on behind it."""
        return self._position.cursor

    @property
    def is_read(self) -> bool:
        """Somebody iterates over it: only then can anything be sent."""
        return self._begun and not self._over

    async def __aiter__(self) -> AsyncIterator[Event]:
        """Every event up to the end. Raises as JobStream does."""
        self._begun = True
        if self._timeout_seconds is not None:
            self._deadline = time.monotonic() + self._timeout_seconds
        try:
            while not self._position.has_ended:
                async with await self._connected() as socket:
                    async for event in self._events(socket):
                        yield event
        finally:
            await self._set(None, over=True)

    async def send_stdin(self, data: bytes | str) -> bool:
        """Pass input on to the program; wait for a connection if there is none. False: the stream is over."""
        for message in stdin_messages(data):
            if not await self._send(message):
                return False
        return True

    async def send_eof(self) -> bool:
        """End the program's stdin. False: the stream is over."""
        return await self._send(EOF_MESSAGE)

    async def _events(self, socket: ClientConnection) -> AsyncIterator[Event]:
        """What one connection brings, until it closes or the job has ended."""
        try:
            while not self._position.has_ended:
                async with asyncio.timeout(self._left()):
                    data = await socket.recv()
                event = self._position.take(data)
                if event is not None:
                    yield event
        except TimeoutError as e:
            raise self._too_late() from e
        except ConnectionClosed as e:
            await self._set(None)
            await self._pause(self._position.closed(e))
        finally:
            await self._set(None)

    async def _connected(self) -> ClientConnection:
        """Connect, as often as the patience allows."""
        while True:
            address, options = self._position.target()
            try:
                socket: ClientConnection = await connect(address, **options)
            # ConnectionClosed too: the library's word for a connection that is reset while the request is written.
            except (OSError, InvalidHandshake, ConnectionClosed) as e:
                await self._pause(self._position.not_connected(e))
            else:
                await self._set(socket)
                return socket

    def _left(self) -> float | None:
        return None if self._deadline is None else max(0.0, self._deadline - time.monotonic())

    async def _pause(self, seconds: float) -> None:
        left = self._left()
        if left is not None and left < seconds:
            raise self._too_late()
        await asyncio.sleep(seconds)

    def _too_late(self) -> JobTimeout:
        return JobTimeout(self.job_id, self._timeout_seconds or 0.0)

    async def _send(self, text: str) -> bool:
        failed: ClientConnection | None = None
        while True:
            async with self._changed:
                await self._changed.wait_for(lambda: self._over or self._socket not in (None, failed))  # noqa: B023
                socket = self._socket
            if self._over or socket is None:
                return False
            try:
                await socket.send(text)
            except ConnectionClosed:
                failed = socket
            else:
                return True

    async def _set(self, socket: ClientConnection | None, *, over: bool = False) -> None:
        async with self._changed:
            self._socket = socket
            self._over = self._over or over
            self._changed.notify_all()
