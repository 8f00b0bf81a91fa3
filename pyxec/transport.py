"""Sends requests with retries: Transport blocks, AsyncTransport is for asyncio."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Generator, Iterable
from typing import TypeVar

import httpx

from pyxec.calls import Call, Reply
from pyxec.connection import Connection
from pyxec.errors import RequestRefused, ServiceUnreachable

__all__ = ["AsyncTransport", "Transport"]

T = TypeVar("T")


class Transport:
    """Thread-safe HTTP transport."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._http = httpx.Client(**connection.http_options())

    def send(self, call: Call[T]) -> T:
        """Send a request, with retries, and return the decoded response. Raises a PyxecError."""
        backoff = self.connection.backoff()
        while True:
            try:
                return call.read(self._send_once(call))
            except (RequestRefused, ServiceUnreachable) as e:
                time.sleep(self.connection.pause_after(call, e, backoff))

    def stream_lines(self, call: Call[None]) -> Generator[str, None, None]:
        """Send a request once and yield the lines of its response. Raises a PyxecError."""
        try:
            with self._http.stream(**self.connection.request_options(call)) as response:
                if response.status_code >= 400:
                    response.read()
                self.connection.check_status(response)
                yield from response.iter_lines()
        except httpx.TransportError as e:
            raise self.connection.unreachable(e) from e

    def stream_bytes(self, call: Call[None]) -> Generator[bytes, None, None]:
        """Send a request once and yield its response in pieces. Raises a PyxecError."""
        try:
            with self._http.stream(**self.connection.request_options(call)) as response:
                if response.status_code >= 400:
                    response.read()
                self.connection.check_status(response)
                yield from response.iter_bytes()
        except httpx.TransportError as e:
            raise self.connection.unreachable(e) from e

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    def _send_once(self, call: Call[T]) -> Reply:
        try:
            response = self._http.request(**self.connection.request_options(call))
        except httpx.TransportError as e:
            raise self.connection.unreachable(e) from e
        return self.connection.reply(response)


class AsyncTransport:
    """HTTP transport for the tasks of one event loop."""

    def __init__(self, connection: Connection, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self.connection = connection
        self._http = httpx.AsyncClient(**connection.http_options(), transport=transport)

    async def send(self, call: Call[T]) -> T:
        """Send a request, with retries, and return the decoded response. Raises a PyxecError."""
        backoff = self.connection.backoff()
        while True:
            try:
                return call.read(await self._send_once(call))
            except (RequestRefused, ServiceUnreachable) as e:
                await asyncio.sleep(self.connection.pause_after(call, e, backoff))

    async def stream_lines(self, call: Call[None]) -> AsyncGenerator[str, None]:
        """Send a request once and yield the lines of its response. Raises a PyxecError."""
        try:
            async with self._http.stream(**self.connection.request_options(call)) as response:
                if response.status_code >= 400:
                    await response.aread()
                self.connection.check_status(response)
                async for line in response.aiter_lines():
                    yield line
        except httpx.TransportError as e:
            raise self.connection.unreachable(e) from e

    async def stream_bytes(self, call: Call[None]) -> AsyncGenerator[bytes, None]:
        """Send a request once and yield its response in pieces. Raises a PyxecError."""
        try:
            async with self._http.stream(**self.connection.request_options(call)) as response:
                if response.status_code >= 400:
                    await response.aread()
                self.connection.check_status(response)
                async for piece in response.aiter_bytes():
                    yield piece
        except httpx.TransportError as e:
            raise self.connection.unreachable(e) from e

    async def close(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def _send_once(self, call: Call[T]) -> Reply:
        try:
            options = self.connection.request_options(call)
            if call.content is not None:
                options["content"] = _iterate_async(call.content)
            response = await self._http.request(**options)
        except httpx.TransportError as e:
            raise self.connection.unreachable(e) from e
        return self.connection.reply(response)


async def _iterate_async(pieces: Iterable[bytes]) -> AsyncGenerator[bytes, None]:
    for piece in pieces:
        yield piece
