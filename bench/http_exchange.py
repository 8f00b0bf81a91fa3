"""Many requests over a few connections, each with one at a time, for less than a tenth of a millisecond each."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Final

import httptools
import uvloop

from app.core.errors import PyxecError

__all__ = ["Answer", "exchange"]

Answer = tuple[int, bytes]  # status, body

_SECONDS: Final = 120.0


def exchange(host: str, port: int, requests: Sequence[bytes], connections: int) -> list[Answer]:
    """The answers, in the order of the requests.

    Parameters:
        requests: heads and bodies as they go over the wire, for HTTP/1.1.

    Raises:
        PyxecError: a connection is lost, or all that takes longer than two minutes a thousand requests.
    """
    return uvloop.run(_exchange(host, port, requests, connections))


async def _exchange(host: str, port: int, requests: Sequence[bytes], connections: int) -> list[Answer]:
    answers: list[Answer] = [(0, b"")] * len(requests)
    numbers = iter(range(len(requests)))
    loop = asyncio.get_running_loop()
    talks = [_Talk(requests, answers, numbers, loop.create_future()) for _ in range(min(connections, len(requests)))]
    try:
        async with asyncio.timeout(_SECONDS * (1 + len(requests) / 1000)):
            for talk in talks:
                await loop.create_connection(lambda talk=talk: talk, host, port)  # type: ignore[misc]
            await asyncio.gather(*(talk.over for talk in talks))
    except OSError as e:  # a TimeoutError is one
        raise PyxecError(f"{host}:{port}: {e!r}") from e
    return answers


class _Talk(asyncio.Protocol):
    """One connection: what nobody has asked yet is asked when the answer before it is whole."""

    def __init__(
        self, requests: Sequence[bytes], answers: list[Answer], numbers: Iterator[int], over: asyncio.Future[None]
    ) -> None:
        self._requests = requests
        self._answers = answers
        self._numbers = numbers
        self.over = over

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport
        self._ask()

    def _ask(self) -> None:
        number = next(self._numbers, None)
        if number is None:
            self.over.set_result(None)
            self._transport.close()
            return
        self._number = number
        self._body = bytearray()
        self._parser = httptools.HttpResponseParser(self)
        self._transport.write(self._requests[number])

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_body(self, part: bytes) -> None:
        self._body += part

    def on_message_complete(self) -> None:
        self._answers[self._number] = self._parser.get_status_code(), bytes(self._body)
        # Not within the parser, which is replaced.
        asyncio.get_running_loop().call_soon(self._ask)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.over.done():
            self.over.set_exception(exc or ConnectionError("the server closed the connection"))
