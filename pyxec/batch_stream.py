"""Streamed batches: the results of many jobs in the order in which they finish, with reconnection."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import aclosing, closing
from typing import Any, Final

import msgspec

from pyxec import calls
from pyxec.calls import Call
from pyxec.connection import RETRIED_STATUSES
from pyxec.errors import PyxecError, RequestRefused, ServiceUnreachable, UnreadableReply
from pyxec.results import Result
from pyxec.transport import AsyncTransport, Transport

__all__ = ["BatchResult", "iterate_batch", "iterate_batch_async"]

# Longer than the time between the heartbeats of the service.
_SILENCE_SECONDS: Final = 60.0


class BatchResult(msgspec.Struct, frozen=True, kw_only=True):
    """The end of one job of a batch.

    Attributes:
        index: Position of the job in the batch, from 0.
        result: The result; None if the job was refused.
        error: Why the job was refused; None if it has finished.
        document: The JSON object of the job or the problem, unchanged.
    """

    index: int
    result: Result | None
    error: RequestRefused | None
    document: bytes


class _Line(msgspec.Struct, frozen=True):
    type: str
    cursor: str = ""
    index: int = 0
    job: msgspec.Raw = msgspec.Raw()
    problem: msgspec.Raw = msgspec.Raw()


class _BatchState:
    """The position in a batch across connections, without I/O."""

    def __init__(self, transport: Transport | AsyncTransport, requests: Sequence[Mapping[str, Any]], key: str) -> None:
        self._connection = transport.connection
        self._requests = requests
        self._key = key
        self._cursor = ""
        self._backoff = self._connection.backoff()
        self.has_ended = False

    def call(self) -> Call[None]:
        """Return the request that starts or continues the batch."""
        return calls.stream_batch(self._requests, self._key, self._cursor, _SILENCE_SECONDS)

    def receive(self, data: str) -> BatchResult | None:
        """Decode a line. Returns None if it is not the end of a job.

        Raises:
            RequestRefused: The stream ends with an error.
            UnreadableReply: The line cannot be decoded.
        """
        try:
            line = msgspec.json.decode(data, type=_Line)
            if line.type == "error":
                raise calls.error_for(0, bytes(line.problem), {})
            self.has_ended = line.type == "end"
            if line.type not in ("result", "problem"):
                return None
            self._cursor = line.cursor
            self._backoff.reset()
            is_result = line.type == "result"
            document = bytes(line.job if is_result else line.problem)
            return BatchResult(
                index=line.index,
                result=msgspec.json.decode(document, type=Result) if is_result else None,
                error=None if is_result else calls.error_for(0, document, {}),
                document=document,
            )
        except msgspec.MsgspecError as e:
            raise UnreadableReply(f"a line of a batch cannot be decoded: {e}") from e

    def pause_after(self, error: PyxecError) -> float:
        """Return the seconds to wait before the next connection. Raises the error if it must not be repeated."""
        if isinstance(error, RequestRefused) and error.status not in RETRIED_STATUSES:
            raise error
        return self._connection.pause_after(self.call(), error, self._backoff)


def iterate_batch(transport: Transport, requests: Sequence[Mapping[str, Any]], key: str) -> Iterator[BatchResult]:
    """Submit a batch and yield the ends of its jobs. Reconnects, and continues after the last one that was received."""
    state = _BatchState(transport, requests, key)
    while not state.has_ended:
        try:
            with closing(transport.stream_lines(state.call())) as lines:
                for line in lines:
                    if (end := state.receive(line)) is not None:
                        yield end
            if not state.has_ended:
                raise ServiceUnreachable("the stream of the batch was interrupted")
        except (RequestRefused, ServiceUnreachable) as e:
            time.sleep(state.pause_after(e))


async def iterate_batch_async(
    transport: AsyncTransport, requests: Sequence[Mapping[str, Any]], key: str
) -> AsyncIterator[BatchResult]:
    """Do the same as `iterate_batch`, for asyncio."""
    state = _BatchState(transport, requests, key)
    while not state.has_ended:
        try:
            async with aclosing(transport.stream_lines(state.call())) as lines:
                async for line in lines:
                    if (end := state.receive(line)) is not None:
                        yield end
            if not state.has_ended:
                raise ServiceUnreachable("the stream of the batch was interrupted")
        except (RequestRefused, ServiceUnreachable) as e:
            await asyncio.sleep(state.pause_after(e))
