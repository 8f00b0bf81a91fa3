"""Handle of a job of the asyncio client."""

from __future__ import annotations

import asyncio

from pyxec import calls
from pyxec.async_stream import AsyncJobStream
from pyxec.errors import PyxecError
from pyxec.events import Event
from pyxec.results import JobStatus, Result
from pyxec.transport import AsyncTransport

__all__ = ["AsyncJob"]


class AsyncJob:
    """Handle of a job. It stores only the id. Every method raises a PyxecError."""

    def __init__(self, transport: AsyncTransport, job_id: str) -> None:
        self.id = job_id
        self._transport = transport
        self._stream: AsyncJobStream | None = None
        self._feeder: AsyncJobStream | None = None
        self._draining: asyncio.Task[None] | None = None  # the event loop holds only a weak reference

    def __repr__(self) -> str:
        return f"AsyncJob({self.id!r})"

    async def status(self) -> JobStatus:
        """Return the state of the job."""
        return await self._transport.send(calls.status(self.id))

    async def wait(self, timeout_seconds: float | None = None) -> Result:
        """Wait for the job and return its result.

        Raises:
            JobTimeout: The job has not finished within ``timeout_seconds``. It continues.
        """
        async for _ in AsyncJobStream(self._transport.connection, self.id, None, timeout_seconds):
            pass
        return await self._transport.send(calls.result(self.id))

    def stream(self, after: str | None = None, timeout_seconds: float | None = None) -> AsyncJobStream:
        """Return an iterator over the events of the job, live.

        Args:
            after: Cursor of the last event that was seen. The default starts with the first event.
            timeout_seconds: Time-out for the whole stream.
        """
        self._stream = AsyncJobStream(self._transport.connection, self.id, after, timeout_seconds)
        return self._stream

    async def output(self, after: str | None = None) -> list[Event]:
        """Return the events written so far, without waiting."""
        return await self._transport.send(calls.output(self.id, after))

    async def send_stdin(self, data: bytes | str) -> bool:
        """Send input to an interactive job, in order. Returns False if the job has finished."""
        return await self._input().send_stdin(data)

    async def send_eof(self) -> bool:
        """Close the stdin of the program. Returns False if the job has finished."""
        return await self._input().send_eof()

    async def cancel(self) -> None:
        """Request cancellation. A finished job does not change."""
        await self._transport.send(calls.cancel(self.id))

    async def artifact(self, name: str) -> bytes:
        """Return the content of an artifact. ``wait().artifacts`` lists the names."""
        return await self._transport.send(calls.artifact(self.id, name))

    async def artifacts(self) -> dict[str, bytes]:
        """Return the artifacts of a finished job: name to content."""
        result = await self._transport.send(calls.result(self.id))
        return {info.name: await self.artifact(info.name) for info in result.artifacts}

    async def delete(self) -> None:
        """Delete a finished job with its output.

        Raises:
            Conflict: The job has not finished.
        """
        await self._transport.send(calls.delete(self.id))

    def _input(self) -> AsyncJobStream:
        """Return the stream that is being iterated over, or start one that discards its events.

        The service closes a connection whose events are not read.
        """
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
    except PyxecError:  # send_stdin and send_eof return False
        return
