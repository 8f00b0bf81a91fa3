"""A TCP proxy whose connections a test can cut and restore."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

__all__ = ["CuttingProxy", "cutting_proxy"]


class CuttingProxy:
    """Forwards connections to one port until it is cut."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._open: set[asyncio.StreamWriter] = set()
        self._cut = False
        self._replies_to_lose = 0
        self.refused = asyncio.Event()
        self.port = 0

    def cut(self) -> None:
        """Reset all connections and refuse new ones."""
        self._cut = True
        self.refused.clear()
        for writer in self._open:
            writer.transport.abort()

    def lose_next_reply(self) -> None:
        """Forward the next request and reset the connection instead of returning the response."""
        self._replies_to_lose += 1

    def restore(self) -> None:
        """Accept connections again."""
        self._cut = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Forward one connection."""
        if self._cut:
            self.refused.set()
            writer.transport.abort()
            return
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        pair = {writer, far_writer}
        self._open |= pair
        try:
            await asyncio.gather(_copy(reader, far_writer), self._reply(far_reader, writer))
        finally:
            self._open -= pair
            for end in pair:
                end.close()

    async def _reply(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                if self._replies_to_lose:
                    self._replies_to_lose -= 1
                    writer.transport.abort()
                    return
                writer.write(data)
                await writer.drain()
            writer.write_eof()


@asynccontextmanager
async def cutting_proxy(port: int) -> AsyncIterator[CuttingProxy]:
    """Run a proxy to this port of the loopback interface."""
    proxy = CuttingProxy(port)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    async with server:
        yield proxy


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
