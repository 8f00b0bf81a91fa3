"""The HTTP server disconnects clients that send or read too slowly."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn

from app.http.http_protocol import BoundedHttpProtocol

CHUNK = b"x" * 1_000_000


class ShortTimeouts(BoundedHttpProtocol):
    head_seconds = 0.5
    read_seconds = 0.5


@asynccontextmanager
async def serving(app: Callable[..., Any]) -> AsyncIterator[int]:
    config = uvicorn.Config(app, port=0, http=ShortTimeouts, lifespan="off", log_config=None, proxy_headers=False)
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    await task


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A client with a small receive buffer, so that unread data stays with the server."""
    plain = socket.socket()
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
    plain.setblocking(False)
    await asyncio.get_running_loop().sock_connect(plain, ("127.0.0.1", port))
    reader, writer = await asyncio.open_connection(sock=plain, limit=4096)
    try:
        yield reader, writer
    finally:
        writer.close()


class Endless:
    """An application that sends chunks until the client disconnects."""

    def __init__(self, chunks: int = 1_000) -> None:
        self.chunks = chunks
        self.sent = 0
        self.over = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        gone = asyncio.create_task(self._departure(receive))
        while self.sent < self.chunks and not gone.done():
            await send({"type": "http.response.body", "body": CHUNK, "more_body": True})
            self.sent += 1
        gone.cancel()
        await send({"type": "http.response.body", "body": b""})
        self.over.set()

    @staticmethod
    async def _departure(receive: Any) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass


async def test_client_that_does_not_read_is_disconnected() -> None:
    app = Endless()
    async with serving(app) as port, connected(port) as (_, writer):
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")

        await asyncio.wait_for(app.over.wait(), 20)

    assert app.sent < app.chunks


async def test_client_that_reads_slowly_receives_everything() -> None:
    app = Endless(chunks=2)
    async with serving(app) as port, connected(port) as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        taken = 0
        # For several times as long as the time-out
        while taken < len(CHUNK) * app.chunks:
            taken += len(await reader.read(64_000))
            await asyncio.sleep(0.02)

        await asyncio.wait_for(app.over.wait(), 20)

    assert app.sent == app.chunks


@pytest.mark.parametrize("head", [b"", b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: "])
async def test_client_that_does_not_finish_the_headers_is_disconnected(head: bytes) -> None:
    async with serving(Endless()) as port, connected(port) as (reader, writer):
        writer.write(head)

        assert await asyncio.wait_for(reader.read(), 20) == b""
