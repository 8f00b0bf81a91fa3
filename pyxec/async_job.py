"""A job that the service has, as asyncio's tasks see it."""

from __future__ import annotations

import asyncio

from pyxec import calls
from pyxec.async_stream import AsyncJobStream
from pyxec.async_transport import AsyncTransport
from pyxec.errors import PyxecError
from pyxec.events import Event
from pyxec.results import JobStatus, Result

__all__ = ["AsyncJob"]


class AsyncJob:
    """A handle: it holds the id and nothing that the service could not tell again. Every method raises a PyxecError."""

    def __init__(self, transport: AsyncTransport, job_id: str) -> None:
        self.id = job_id
        self._transport = transport
        self._stream: AsyncJobStream | None = None
        self._feeder: AsyncJobStream | None = None
        self._draining: asyncio.Task[None] | None = None  # kept: the loop itself would let it go

    def __repr__(self) -> str:
        return f"AsyncJob({self.id!r})"

    async def status(self) -> JobStatus:
        """Where it is now."""
        return await self._transport.send(calls.status(self.id))

    async def wait(self, timeout_seconds: float | None = None) -> Result:
        """Its result, once it has ended. Raises JobTimeout when it has not in time; it goes on then."""
        async for _ in AsyncJobStream(self._transport.connection, self.id, None, timeout_seconds):
            pass
        return await self._transport.send(calls.result(self.id))

    def stream(self, after: str | None = None, timeout_seconds: float | None = None) -> AsyncJobStream:
        """Its events, as they come: from the first, or behind the one whose ``cursor`` is ``after``."""
        self._stream = AsyncJobStream(self._transport.connection, self.id, after, timeout_seconds)
        return self._stream

    async def output(self, after: str | None = None) -> list[Event]:
        """The events that there are now; does not wait for any."""
        return await self._transport.send(calls.output(self.id, after))

    async def send_stdin(self, data: bytes | str) -> bool:
        """Pass input on to an interactive job. False: it is over. Arrives in the order it is sent in."""
        return await self._input().send_stdin(data)

    async def send_eof(self) -> bool:
        """End the program's stdin. False: it is over."""
        return await self._input().send_eof()

    async def cancel(self) -> None:
        """Ask for its end; it ends soon after. One that has ended stays as it is."""
        await self._transport.send(calls.cancel(self.id))

    async def artifact(self, name: str) -> bytes:
        """A file that it has left; ``wait().artifacts`` has the names."""
        return await self._transport.send(calls.artifact(self.id, name))

    async def artifacts(self) -> dict[str, bytes]:
        """All files that it has left, once it has finished, by their names."""
        result = await self._transport.send(calls.result(self.id))
        return {info.name: await self.artifact(info.name) for info in result.artifacts}

    async def delete(self) -> None:
        """Forget it. Raises Conflict while it has not finished."""
        await self._transport.send(calls.delete(self.id))

    def _input(self) -> AsyncJobStream:
        """The stream that somebody reads; if nobody does, one that is read here, as the service closes it otherwise."""
        if self._feeder is None:
            if self._stream is not None and self._stream.is_read:
                return self._stream
            self._feeder = AsyncJobStream(self._transport.connection, self.id)
            self._draining = asyncio.create_task(_drain(self._feeder))
        return self._feeder


async def _drain(stream: AsyncJobStream) -> None:
    try:
        async for _ in stream:
            pass
    except PyxecError:  # whoever sends is told that it is over
        return
