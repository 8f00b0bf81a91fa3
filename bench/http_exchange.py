"""Sends many requests over a few connections, without pipelining, in less than 0.1 ms each."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Final

import httptools
import uvloop

from app.core.errors import PyxecError

__all__ = ["Response", "exchange"]

Response = tuple[int, bytes]  # status, body

_SECONDS: Final = 120.0


def exchange(
    host: str, port: int, requests: Sequence[bytes], connections: int, read_seconds: float | None = None
) -> list[Response]:
    """Send requests and return the responses in the order of the requests.

    Args:
        host: Address of the server.
        port: Port of the server.
        requests: Encoded HTTP/1.1 requests.
        connections: Number of connections.
        read_seconds: Maximum time from a request to its response; None for no maximum.

    Raises:
        PyxecError: A connection was lost, a response was late, or 1,000 requests took longer than two minutes.
    """
    return uvloop.run(_exchange(host, port, requests, connections, read_seconds))


async def _exchange(
    host: str, port: int, requests: Sequence[bytes], connections: int, read_seconds: float | None
) -> list[Response]:
    responses: list[Response] = [(0, b"")] * len(requests)
    numbers = iter(range(len(requests)))
    loop = asyncio.get_running_loop()
    clients = [
        _Connection(requests, responses, numbers, loop.create_future(), read_seconds)
        for _ in range(min(connections, len(requests)))
    ]
    try:
        async with asyncio.timeout(_SECONDS * (1 + len(requests) / 1000)):
            for client in clients:
                await loop.create_connection(lambda client=client: client, host, port)  # type: ignore[misc]
            await asyncio.gather(*(client.finished for client in clients))
    except OSError as e:  # includes TimeoutError
        for client in clients:
            client.abort()
        await asyncio.sleep(0)  # uvloop cannot close a loop with open connections
        raise PyxecError(f"{host}:{port}: {e!r}") from e
    return responses


class _Connection(asyncio.Protocol):
    """A connection that sends the next request after each complete response."""

    def __init__(
        self,
        requests: Sequence[bytes],
        responses: list[Response],
        numbers: Iterator[int],
        finished: asyncio.Future[None],
        read_seconds: float | None,
    ) -> None:
        self._requests = requests
        self._responses = responses
        self._numbers = numbers
        self.finished = finished
        self._read_seconds = read_seconds
        self._timer: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport
        self._send_next()

    def abort(self) -> None:
        """Close the connection, if it is open."""
        if self._transport is not None:
            self._transport.abort()

    def _send_next(self) -> None:
        assert self._transport is not None, "the connection was made"
        number = next(self._numbers, None)
        if number is None:
            self.finished.set_result(None)
            self._transport.close()
            return
        self._number = number
        self._body = bytearray()
        self._parser = httptools.HttpResponseParser(self)
        self._transport.write(self._requests[number])
        if self._read_seconds is not None:
            self._timer = asyncio.get_running_loop().call_later(self._read_seconds, self._give_up)

    def _give_up(self) -> None:
        if not self.finished.done():
            self.finished.set_exception(TimeoutError(f"no response within {self._read_seconds:g} s"))

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_body(self, part: bytes) -> None:
        self._body += part

    def on_message_complete(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._responses[self._number] = self._parser.get_status_code(), bytes(self._body)
        # Not inside the callback: the parser is replaced.
        asyncio.get_running_loop().call_soon(self._send_next)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.finished.done():
            self.finished.set_exception(exc or ConnectionError("the server closed the connection"))
